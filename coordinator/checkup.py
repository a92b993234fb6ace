"""Is this installation fit to run? One finding a line, with its mend."""

import logging
import os
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from sqlalchemy import select

from coordinator import canary, capacity, clock, config, db, disks, dispatch, filings, fingerprint, queues, schema
from coordinator.channels import Account, routes, terms
from coordinator.errors import Misconfigured

logger = logging.getLogger(__name__)
MUST_BE_ON = ("fsync", "full_page_writes", "synchronous_commit")
SKEW_S, SKEW_SEEN_S = 30.0, 2.0
ABROAD = "+14155550100"


@dataclass(frozen=True, slots=True)
class Line:
    """One finding: good, a warning, or a fault (of the configuration, or of a server)."""

    name: str
    good: str = ""
    warning: str = ""
    fault: str = ""
    configuration: bool = True

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "ok": not self.fault, "detail": self.fault or self.warning or self.good}


def run() -> list[Line]:
    """Configuration first; servers only when it is usable."""
    faults = config.find_faults(os.environ)
    lines = [Line("configuration", fault=fault) for fault in faults] or [Line("configuration", good="可用")]
    try:
        redis = [] if any(fault.startswith("REDIS_URL") for fault in faults) else [_redis()]
        database = _database()
        adoption = [] if any(line.fault for line in database) else _adoption()
        checked = [*lines, *database, *redis, *_channels(faults), *_carriers()]
        return [*checked, *([] if faults else [_disk(), *adoption, *_watched()])]
    except Misconfigured as error:
        return [Line("configuration", fault=fault) for fault in dict.fromkeys([*faults, str(error)])]


def _database() -> list[Line]:
    if trouble := db.reachable():
        where = db.engine().url.database if db.is_sqlite() else "DATABASE_URL"
        return [Line("database", fault=f"{where} 不能使用:{trouble}")]
    kind = f"SQLite(嵌入式,一次约 {capacity.EMBEDDED_NOTICES:,} 份通知以内)" if db.is_sqlite() else "PostgreSQL"
    found, expected = schema.version(), schema.expected()
    lines = [Line("database", good=f"{kind},版本 {found}")]
    if found != expected:
        lines = [Line("database", fault=f"{kind},版本 {found or '无表'},程序需要 {expected};请运行 liandong init")]
    elif advice := _advice():
        lines.append(Line("capacity", warning=advice))
    if not db.is_sqlite():
        lines += _postgresql()
    return [*lines, *_clocks()]


def _clocks() -> list[Line]:
    """Leases know the database's clock only; but what people read is this machine's."""
    with db.engine().connect() as connection:
        skew = abs(float(connection.execute(select(db.seconds())).scalar() or 0) - clock.wall())
    if skew > SKEW_S:
        return [Line("clock", fault=f"本机与数据库时钟相差 {skew:.0f} 秒;请校时(NTP)", configuration=False)]
    return [Line("clock", warning=f"本机与数据库时钟相差 {skew:.1f} 秒;请校时(NTP)")] if skew > SKEW_SEEN_S else []


def refuse() -> None:
    """What a role asks before it starts: Misconfigured with a line per fault of the database; warnings are logged."""
    schema.require()
    found = [*_database(), _disk()]
    for line in found:
        if line.warning:
            logger.warning("%s: %s", line.name, line.warning)
    if faults := [line.fault for line in found if line.fault]:
        raise Misconfigured("\n".join(faults))


def _adoption() -> list[Line]:
    held = fingerprint.present()[0]
    return [Line("adoption", warning=f"全部停发:{held}")] if held else []


def _watched() -> list[Line]:
    watched = "、".join(canary.targets(os.environ))
    off = "没有打开:请设置 CANARY_PHONE(本单位自己的手机)和 CANARY_EMAIL"
    flown = Line("canary", good=f"链路自检 {watched}") if watched else Line("canary", warning=f"链路自检{off}")
    guarded = bool(os.environ.get("DEADMAN_URL"))
    away = "外部守护没有打开:本系统整个停掉时没有人知道;请设置 DEADMAN_URL"
    return [flown, Line("deadman", good="外部守护已设置") if guarded else Line("deadman", warning=away)]


def _disk() -> Line:
    share = disks.fullness()
    return Line("disk", good=f"已用 {share:.0%}", warning=disks.warning(share))


def _advice() -> str:
    with db.reading() as session:
        return capacity.advice(session)


def _postgresql() -> list[Line]:
    with db.engine().connect() as connection:
        off = [name for name in MUST_BE_ON if connection.exec_driver_sql(f"SHOW {name}").scalar() != "on"]
    return [Line("database", fault=f"{name} 没有打开,断电会丢提交;请设为 on") for name in off]


def _redis() -> Line:
    if os.environ.get("REDIS_URL"):
        if queues.answers():
            return Line("redis", good="在线")
        return Line("redis", warning="连不上:派发照常进行(每秒查库),只是慢一点;请检查 REDIS_URL")
    return Line("redis", good=f"嵌入式({queues.binary()})" if queues.binary() else "")


def _channels(known: list[str]) -> list[Line]:
    """Every channel is looked at, so that two accounts set by half are two lines; what is ``known`` is not said again."""
    found: list[tuple[ModuleType, Account]] = []
    faults = []
    for module in dispatch.modules().values():
        for listed in (module.accounts, module.drill_accounts):
            try:
                found += [(module, account) for account in listed(os.environ)]
            except Misconfigured as error:
                faults.append(Line("channels", fault=str(error)))
    if faults:
        said = {fault.partition(":")[0] for fault in known}
        return [line for line in dict.fromkeys(faults) if line.fault.partition(" ")[0] not in said]
    names = {account.name for _, account in found}
    lines = [Line("channels", good=_said(module, account)) for module, account in found]
    texts = tuple(account for module, account in found if module.KIND == "sms" and "drill" not in account.name)
    if texts and not routes.account_for(texts, ABROAD, 1):
        lines.append(Line("channels", warning="境外号码没有可用的短信账户:发往非 +86 号码的短信会停在 pending"))
    if not any("drill" not in name for name in names):
        lines.append(
            Line("channels", warning="没有可用的真实渠道:通知会停在 pending;请设置 TWILIO_…、ALIYUN_SMS_… 或 SMTP_URL")
        )
    if not any("drill" in name for name in names):
        lines.append(
            Line("channels", warning="没有演练账户:演练通知会停在 pending;请设置 DRILL_TWILIO_… 或 DRILL_SMTP_URL")
        )
    return lines


def _said(module: ModuleType, account: Account) -> str:
    """What the account says it can do, in one line."""
    terms = module.terms(account)
    cannot = [
        words
        for lacks, words in (
            (not terms.look_up and not terms.idempotent, "不能查询,断线后只重发一次"),
            (not terms.receipts, "没有送达回执"),
            (not terms.free_text, "只发报备过的模板"),
            (terms.real_only, "不发演练"),
        )
        if lacks
    ]
    limits = [f"至多 {terms.longest} 字"] if terms.longest else []
    price = [f"{terms.price}/条"] if terms.price else []
    return f"{account.name}({module.KIND},{'、'.join([terms.provider, *cannot, *limits, *price])})"


def _carriers() -> list[Line]:
    """What is taken for granted about the carriers: figures nobody has confirmed, words nobody has filed."""
    doubts, findings = terms.load().unconfirmed, filings.drift(filings.wordings(), filings.filed())
    lines = [Line("carriers", warning=f"未经核实:{'、'.join(doubts)};请按合同写入 carriers.toml")] if doubts else []
    changed = [finding.template for finding in findings if not finding.warning]
    if changed:
        lines.append(Line("templates", warning=f"{len(changed)} 个短信模板与报备不符;请看 liandong templates lint"))
    return lines
