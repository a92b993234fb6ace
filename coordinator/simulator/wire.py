"""What does Twilio's API look like from outside: its records, lists and refusals as JSON?"""

import json
from email.utils import formatdate
from functools import lru_cache
from typing import Any, NamedTuple

from aiohttp import web
from yarl import URL

from coordinator import clock
from coordinator.channels import segments
from coordinator.simulator.ledger import Row

WORDS = {
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20500: "Service Unavailable",
    21211: "The 'To' number {to} is not a valid phone number.",
    21217: "Phone number {to} does not appear to be valid.",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21610: "Attempt to send to unsubscribed recipient",
    21612: "Message cannot be sent with the current combination of 'To' ({to}) and/or 'From' parameters",
    21614: "'To' number {to} is not a valid mobile number",
    21617: "The concatenated message body exceeds the 1600 character limit",
    21205: "Url parameter is required.",
}
STATUS = {20003: 401, 20404: 404, 20429: 429, 20500: 503}


class Reply(NamedTuple):
    """What goes back; ``spoilt`` names the fault that has taken half of it."""

    status: int
    body: bytes
    spoilt: str = ""


def refusal(code: int, to: str = "") -> Reply:
    status = STATUS.get(code, 400)
    words = WORDS.get(code, "Bad request").format(to=to)
    more = f"https://www.twilio.com/docs/errors/{code}"
    return reply({"code": code, "message": words, "more_info": more, "status": status}, status)


def reply(content: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))


def on_web(answer: Reply) -> web.Response:
    return web.Response(body=answer.body, status=answer.status, content_type="application/json", charset="utf-8")


@lru_cache(maxsize=256)
def _date(second: int) -> str:
    return formatdate(second)


def message(row: Row, account_sid: str, status: str, error: str) -> dict[str, Any]:
    made = _date(int(row.get("wall") or clock.wall()))
    return {
        "sid": row["sid"],
        "account_sid": account_sid,
        "to": row["to"],
        "from": row["from"],
        "messaging_service_sid": row.get("service"),
        "body": row["body"],
        "status": status,
        "num_segments": str(segments.count(row["body"]).segments),
        "num_media": "0",
        "direction": "outbound-api",
        "api_version": "2010-04-01",
        "price": None,
        "price_unit": "USD",
        "error_code": int(error) if error else None,
        "error_message": None,
        "date_created": made,
        "date_updated": made,
        "date_sent": None if status == "queued" else made,
        "uri": f"/2010-04-01/Accounts/{account_sid}/Messages/{row['sid']}.json",
        "subresource_uris": {"media": f"/2010-04-01/Accounts/{account_sid}/Messages/{row['sid']}/Media.json"},
    }


def call(row: Row, account_sid: str, status: str, _error: str) -> dict[str, Any]:
    made = _date(int(row.get("wall") or clock.wall()))
    return {
        "sid": row["sid"],
        "account_sid": account_sid,
        "to": row["to"],
        "to_formatted": row["to"],
        "from": row["from"],
        "from_formatted": row["from"],
        "status": status,
        "direction": "outbound-api",
        "api_version": "2010-04-01",
        "answered_by": None,
        "duration": None,
        "price": None,
        "price_unit": "USD",
        "date_created": made,
        "date_updated": made,
        "start_time": made,
        "end_time": None,
        "uri": f"/2010-04-01/Accounts/{account_sid}/Calls/{row['sid']}.json",
        "subresource_uris": {},
    }


def listed(kind: str, records: list[dict[str, Any]], *, asked: URL, page: int, size: int, more: bool) -> Reply:
    """One page of a list; ``kind`` is its key, messages or calls."""

    def turned(to: int) -> str:
        return str(asked.update_query({"PageSize": str(size), "Page": str(to)}))

    return reply(
        {
            kind: records,
            "page": page,
            "page_size": size,
            "start": page * size,
            "end": page * size + max(0, len(records) - 1),
            "uri": str(asked),
            "first_page_uri": turned(0),
            "previous_page_uri": turned(page - 1) if page else None,
            "next_page_uri": turned(page + 1) if more else None,
        }
    )
