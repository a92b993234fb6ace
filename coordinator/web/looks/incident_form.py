"""What does the report form state? A field left empty is not known; nought is known to be none."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from coordinator import clock
from coordinator.errors import Refusal
from coordinator.web.wording import say

COUNTS = {"deaths": "死亡人数", "poisoned_or_injured": "中毒或重伤人数", "evacuated": "疏散转移人数"}
CHOICES = {
    "ecology": (
        "生态",
        {
            "function_lost": "区域生态功能丧失",
            "species_wiped_out": "国家重点保护物种灭绝",
            "function_partly_lost": "区域生态功能部分丧失",
            "mass_death": "国家重点保护动植物大批死亡",
            "species_damaged": "国家重点保护物种受破坏",
            "none": "没有影响",
        },
    ),
    "water_intake_stopped": (
        "取水中断",
        {"prefecture": "设区的市级水源地", "county": "县级水源地", "township": "乡镇级水源地", "none": "没有中断"},
    ),
    "cross_boundary": (
        "已确认跨界影响",
        {"national": "跨国（境）", "province": "跨省", "prefecture": "跨市", "county": "跨县", "none": "没有跨界"},
    ),
    "possible_cross_boundary": (
        "可能跨界影响",
        {"national": "跨国（境）", "province": "跨省", "prefecture": "跨市", "county": "跨县", "none": "不会跨界"},
    ),
}
SENSITIVE = {
    "water_source": "饮用水水源",
    "residential": "居民区",
    "school": "学校",
    "hospital": "医院",
    "heavy_metal": "重金属",
    "mass_event": "可能引发群体性事件",
    "bureau_judges_necessary": "认为有必要速报",
}
REGIMES = {"environmental": "突发环境事件", "ship": "船舶污染事故", "radiation": "辐射事故"}


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
