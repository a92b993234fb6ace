"""What does the report form state? A field left empty is not known; nought is known to be none."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from coordinator import clock
from coordinator.errors import Refusal
from coordinator.web.incident_words import CHOICES, COUNTS
from coordinator.web.wording import say


def facts_from(form: MultiDict[str, str]) -> dict[str, Any]:
    """The facts that the form states; a field left empty is not known and stays out."""
    facts: dict[str, Any] = dict(_counts(form))
    facts |= {name: form[name] for name in CHOICES if form.get(name)}
    if chosen := form.getlist("sensitive"):
        facts["sensitive"] = chosen
    if chosen := form.getlist("regimes"):
        facts["regimes"] = chosen
    if river := dict(_river(form)):
        facts["river"] = river
    return facts


def _counts(form: MultiDict[str, str]) -> Iterator[tuple[str, int | float]]:
    for name, title in COUNTS.items():
        if form.get(name, "").strip():
            yield name, int(_number(form[name], title))
    if form.get("direct_loss_yuan", "").strip():
        yield "direct_loss_yuan", _number(form["direct_loss_yuan"], "直接经济损失")


def _number(text: str, title: str) -> float:
    try:
        found = float(text)
    except ValueError as error:
        raise Refusal(f"{say(title)}:“{text[:20]}”不是数字") from error
    if not 0 <= found < 1e15:
        raise Refusal(f"{say(title)}:须为不小于 0 的数")
    return found


def _river(form: MultiDict[str, str]) -> Iterator[tuple[str, Any]]:
    if name := form.get("river_name", "").strip():
        yield "name", name
    if form.get("km_to_boundary", "").strip():
        yield "km_to_boundary", _number(form["km_to_boundary"], "距下游边界")
    if form.get("boundary_is_river"):
        yield "boundary_is_river", form["boundary_is_river"] == "yes"


def learned_at(form: MultiDict[str, str]) -> str:
    """As typed, Beijing time; now when it was left empty."""
    typed = form.get("learned_at", "").strip()
    if not typed:
        return clock.now().astimezone(clock.BEIJING).isoformat()
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=clock.BEIJING).isoformat()
    except ValueError as error:
        raise Refusal("得知时间看不懂，请用 年-月-日 时:分") from error
