"""How does the desk say it: Chinese as written, English from english.po, Beijing time, words for states."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po
from flask import g, has_request_context, request

from coordinator import clock, rulebook
from coordinator.errors import Refusal
from rules.levels import Level

LANGUAGES = ("zh", "en")
CATALOGUE = Path(__file__).resolve().parents[2] / "templates" / "pages" / "english.po"
WEEKDAYS = "一二三四五六日"


@cache
def english() -> Mapping[str, str]:
    """The catalogue, read as it is: nothing has to be compiled."""
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="en")
    return {str(entry.id): str(entry.string) for entry in catalogue if entry.id and entry.string}


def language() -> str:
    """zh or en: ?lang=, then the cookie, then Chinese."""
    if not has_request_context():
        return "zh"
    if "language" not in g:
        asked = request.args.get("lang") or request.cookies.get("lang") or "zh"
        g.language = asked if asked in LANGUAGES else "zh"
    return str(g.language)


def say(words: str, **values: object) -> str:
    """``words`` in the reader's language, with ``%(name)s`` filled in."""
    said = english().get(words, words) if language() == "en" else words
    return said % values if values else said


def moment(at: datetime | str | None) -> str:
    """11月22日 19:45, Beijing time; the year when it is another."""
    if not at:
        return "—"
    local = (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(clock.BEIJING)
    year = f"{local.year}-" if local.year != clock.now().astimezone(clock.BEIJING).year else ""
    return f"{year}{local:%m-%d %H:%M}"


def hour(at: datetime) -> str:
    return f"{at.astimezone(clock.BEIJING):%H:%M}"


def day(at: date) -> str:
    """11-22 周日."""
    weekday = f"{at:%a}" if language() == "en" else f"周{WEEKDAYS[at.weekday()]}"
    return f"{at:%m-%d} {weekday}"


def ago(at: datetime | None) -> str:
    """How long since, or until: 5 分钟, 3 小时, 2 天."""
    return lasting(abs(clock.now() - at)) if at else "—"


def lasting(span: timedelta | float) -> str:
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    for size, unit in ((172800, "%(n)s 天"), (5400, "%(n)s 小时"), (60, "%(n)s 分钟")):
        if seconds >= size:
            return say(unit, n=round(seconds / {172800: 86400, 5400: 3600, 60: 60}[size]))
    return say("%(n)s 秒", n=round(seconds))


def typed(at: datetime | None) -> str:
    """As a datetime-local field wants it, Beijing time."""
    return f"{at.astimezone(clock.BEIJING):%Y-%m-%dT%H:%M}" if at else ""


def level(value: int | str | Level) -> str:
    grade = Level.parse(value) if isinstance(value, str) else Level(value)
    return say(grade.chinese)


def level_word(value: int | str | Level) -> str:
    """The class of its dress in the stylesheet."""
    return (Level.parse(value) if isinstance(value, str) else Level(value)).word


def city(code: str) -> str:
    """A city's name; a code nobody knows stays a code."""
    try:
        return rulebook.city(code).name
    except Refusal:
        return code


def cities(codes: list[str], most: int = 8) -> str:
    names = [city(code) for code in codes[:most]]
    more = say(" 等 %(n)s 市", n=len(codes)) if len(codes) > most else ""
    return "、".join(names) + more


def thousands(count: float) -> str:
    return f"{count:,.0f}"


STATES = {
    "detected": "程序研判", "proposed": "已拟定", "pending_approval": "待签发", "approved": "已签发", "issuing": "派发中",
    "active": "生效中", "changing": "变更待签", "held": "已暂停", "lifted": "已解除", "retracted": "已撤回",
    "rejected": "已退回", "expired": "已过期", "dismissed": "已作废", "closed": "已归档",
    "planned": "已计划", "pending": "待发", "sending": "发送中", "uncertain": "结果待查", "accepted": "运营商已收",
    "sent": "已发出", "delivered": "已送达", "undelivered": "未送达", "failed": "发送失败", "unknown": "无回执",
    "cancelled": "已取消", "superseded": "被新版取代", "suppressed": "不予发送", "dead": "故障待处理",
    "open": "处置中", "running": "进行中", "stopped": "已中止", "finished": "已结束",
}  # fmt: skip
CHANGES = {"start": "启动", "upgrade": "升级", "downgrade": "降级", "extend": "延长或调整", "lift": "解除",
           "retract": "撤回", "release": "恢复派发"}  # fmt: skip
MODES = {"actual": "真实", "exercise": "演练", "test": "测试"}
KINDS = {"order": "管控通知", "reminder": "催办", "correction": "更正", "manual": "人工补发"}
CHANNELS = {"sms": "短信", "email": "邮件", "voice": "电话", "link": "链接", "key": "按键", "desk": "值班台"}
ROLES = {
    "duty": "值班员",
    "signer": "签发人",
    "leader": "领导",
    "clerk": "名单员",
    "director": "导演",
    "auditor": "审计",
}
ANSWERS = {"acknowledge": "签收", "executing": "正在执行", "cannot": "不能执行", "already_down": "本已停产",
           "done": "已执行到位"}  # fmt: skip
MEASURES = {"self": "自主减排", "exempt": "豁免", "manage": "加强管理", "limit": "限产", "extend": "延长工序时间",
            "stop": "停产"}  # fmt: skip
FIELDS = {
    "level": "等级", "cities": "城市", "effective_from": "生效时间", "effective_to": "预计结束", "reason": "理由",
    "observed": "实况依据", "forecast": "预报依据", "change": "变更", "clause": "条款", "mode": "性质", "evidence": "依据",
}  # fmt: skip
ACTS = {
    "propose": "拟定", "submit": "提交会签", "sign approve": "签发", "sign reject": "退回", "reject": "退回",
    "hold": "暂停派发", "ask release": "申请恢复派发", "release": "恢复派发", "issue": "发布", "edit": "修改",
    "ask lift": "申请解除", "ask retract": "申请撤回", "ask upgrade": "申请升级", "ask downgrade": "申请降级",
    "ask extend": "申请延长或调整", "dismiss": "作废", "sign in": "登录", "sign out": "退出", "sign-in refused": "登录被拒",
    "import": "导入", "answer acknowledge": "代记签收", "answer executing": "代记:正在执行",
    "answer cannot": "代记:不能执行", "answer already_down": "代记:本已停产", "answer done": "代记:已执行到位",
}  # fmt: skip


def worded(vocabulary: Mapping[str, str]) -> Any:
    """A filter that says a code's word; an unknown code is shown as it is, never hidden."""
    return lambda code: say(vocabulary.get(str(code), str(code)))


def field(name: str) -> str:
    return say(FIELDS.get(name, name))


def told(value: Any, name: str) -> str:
    """A value of an alert as its readers would say it: level, cities, moments, words."""
    if value in (None, "", []):
        return "—"
    if name == "level":
        return level(value)
    if name == "cities":
        return cities(value, most=40)
    if name in ("effective_from", "effective_to"):
        return moment(value)
    vocabulary = {"change": CHANGES, "mode": MODES}.get(name, {})
    return say(vocabulary.get(str(value), str(value)))


FILTERS: dict[str, Any] = {
    "field": field, "told": told,
    "moment": moment, "hour": hour, "day": day, "ago": ago, "lasting": lasting, "typed": typed, "level": level,
    "level_word": level_word, "city": city, "cities": cities, "thousands": thousands, "state": worded(STATES),
    "change": worded(CHANGES), "mode": worded(MODES), "kind": worded(KINDS), "channel": worded(CHANNELS),
    "role": worded(ROLES), "answered": worded(ANSWERS), "measure": worded(MEASURES), "act": worded(ACTS),
}  # fmt: skip
