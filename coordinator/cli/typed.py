"""What did a person type at the shell: a day, an hour, a row of daily values, an edition?"""

from datetime import date, datetime

from coordinator import clock, rulebook
from coordinator.errors import Refusal
from rules.rulesets import NATION, RuleSet


def day_of(text: str, option: str) -> date:
    """A day a person typed."""
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        raise Refusal(f"{option} {text}:应为日期,例如 2024-01-30") from None


def moment(text: str, option: str) -> datetime:
    """An hour a person typed; without an offset it is 北京时间."""
    try:
        at = datetime.fromisoformat(text.strip().replace("/", "-"))
    except ValueError:
        raise Refusal(f"{option} {text}:应为时间,例如 2024-01-30T08:00 或 2024-01-30T08:00+08:00") from None
    aware = at if at.tzinfo else at.replace(tzinfo=clock.BEIJING)
    return aware.replace(minute=0, second=0, microsecond=0)


def today() -> date:
    """Today in Beijing, by business time."""
    return clock.now().astimezone(clock.BEIJING).date()


def choose(ruleset: str, city: str | None, day: date) -> RuleSet:
    """The edition named, or with ``auto`` the one in force for the city (the nation without one) on ``day``."""
    if ruleset != "auto":
        return rulebook.edition(ruleset)
    return rulebook.edition_for(city or NATION, day)


def daily_values(text: str) -> list[float]:
    """``210,,230``: AQI24 a day; ``nan`` or nothing between commas is a missing day."""
    values = []
    for place, word in enumerate(text.replace(",", ",").split(","), start=1):
        if word.strip().lower() in ("", "nan", "na", "-", "—"):
            values.append(float("nan"))
            continue
        try:
            value = float(word)
        except ValueError:
            raise Refusal(f"--daily 第 {place} 个值“{word.strip()}”不是数;缺测请写 nan 或在两个逗号之间留空") from None
        if not 0 <= value <= 10000:
            raise Refusal(f"--daily 第 {place} 个值 {word.strip()} 不是 AQI(应不小于 0)")
        values.append(min(value, 500.0))
    return values
