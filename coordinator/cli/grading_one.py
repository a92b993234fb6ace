"""One grading for the shell: from daily AQI24 values, or from a file of hours."""

from collections.abc import Mapping
from typing import Any

from coordinator import rulebook
from coordinator.cli.typed import choose, daily_values, day_of, moment, today
from coordinator.errors import Refusal
from rules import grading


def by_day(options: Mapping[str, Any]) -> dict[str, Any]:
    """``--daily 210,,230``."""
    for name in ("at_text", "horizon"):
        if options[name] is not None:
            raise Refusal("--at 与 --horizon 只用于 --hourly;--daily 的每个值就是一天,起始日用 --on")
    day = day_of(options["on_text"], "--on") if options["on_text"] else today()
    code = rulebook.city(options["city"]).code if options["city"] else ""
    ruleset = choose(options["ruleset"], code or None, day)
    found = grading.grade_days(daily_values(options["daily"]), ruleset, city=code, first_day=day)
    return found.as_json()


def by_hour(options: Mapping[str, Any]) -> dict[str, Any]:
    """``--hourly FILE --city C --at T [--horizon H]``: looks at [T, T+H)."""
    from coordinator.cli import tables  # only a file needs the readers of files

    cities = [options["city"]] if options["city"] else []
    table = tables.placed(tables.load(options["file"]), cities)
    names = tables.chosen(table, cities, None)
    if len(names) != 1:
        raise Refusal(f"{table.path}:有 {len(names)} 个城市,请用 --city 指明一个")
    if table.daily:
        raise Refusal(f"{table.path}:这是逐日数据,--hourly 需要逐小时的数据;逐日 AQI 请用 --daily")
    if not options["at_text"]:
        raise Refusal("--hourly 需要 --at T:从哪一小时起看,例如 --at 2024-01-30T08:00")
    at = moment(options["at_text"], "--at")
    series = tables.series(table, names[0])
    day = day_of(options["on_text"], "--on") if options["on_text"] else at.astimezone(series.start.tzinfo).date()
    ruleset = choose(options["ruleset"], names[0], day)
    left = tables.last_valid(series) + 1 - tables.entry(series, at)
    if options["horizon"] is None and left <= 0:
        last = series.at(max(tables.last_valid(series), 0)).isoformat()
        raise Refusal(
            f"{table.path}:{names[0]} 在 {at.isoformat()} 之后没有数据(最后一小时 {last}),请换 --at 或给出 --horizon"
        )
    found = grading.grade(
        series,
        ruleset,
        rulebook.standards(),
        at=at,
        horizon=options["horizon"] or left,
        policy=rulebook.cause_policy(),
    )
    return found.as_json() | {"at": at.isoformat(), "horizon": options["horizon"] or left}
