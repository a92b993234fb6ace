"""What do the carriers' accounts spend, and who has spent more in one hour than anybody meant to?"""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil

from sqlalchemy import Connection, func, insert, select

from coordinator import clock
from coordinator.blanks import parts
from coordinator.channels import terms
from coordinator.models import Spent

HOUR = timedelta(hours=1)
PAUSE_S = 600.0  # then one batch may try again, while a person looks
MILLI = 1000


def book(connection: Connection, account: str, taken: Sequence[tuple[str, str]]) -> str:
    """Write down one batch of SMS that the carrier took, as (number, text). Gives back why the account must rest, or ""."""
    if not taken:
        return ""
    held = terms.load()
    segments = [parts(text) for _, text in taken]
    cost = sum(held.price(address) * count for (address, _), count in zip(taken, segments, strict=True))
    row = {"account": account, "at": clock.now(), "texts": len(taken), "segments": sum(segments),
           "cost_milli": ceil(cost * MILLI)}  # fmt: skip
    connection.execute(insert(Spent), row)
    spent = last_hour_milli(connection, account)
    if spent <= held.most_per_hour * MILLI:
        return ""
    return f"一小时内短信费用 {spent / MILLI:.2f} {held.currency},超过上限 {held.most_per_hour}"


def last_hour_milli(connection: Connection, account: str) -> int:
    """What an account has spent within the last hour, in thousandths of the terms' currency."""
    lately = select(func.coalesce(func.sum(Spent.cost_milli), 0)).where(
        Spent.account == account, Spent.at > clock.now() - HOUR
    )
    return int(connection.scalar(lately) or 0)
