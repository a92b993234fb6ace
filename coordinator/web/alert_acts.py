"""What a person does to an alert, the same for the interface and for the desk's pages."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from contacts.models import Officer
from coordinator import mandates, paging, response
from coordinator.errors import Refusal, Stale
from coordinator.models import Alert, Mode, Revision
from coordinator.render import real_words_only
from coordinator.response import Proposal
from coordinator.web import acting, wire
from rules.levels import Level

ACTS = ("submit", "approve", "reject", "hold", "release", "retract", "change", "lift")
CHANGEABLE = ("level", "cities", "effective_from", "effective_to", "reason")
Words = dict[str, Any]


def propose(session: Session, officer: Officer, wanted: Words) -> Alert:
    """拟定. ``wanted``: mode, kind, level, cities, effective_from, effective_to, reason as callers write them."""
    mandates.require(officer, "propose")
    cities = wire.cities(wanted["cities"])
    mandates.require_places(officer, cities)
    said = Proposal(
        mode=Mode(wanted["mode"]),
        kind=wanted["kind"],
        level=wire.level(wanted["level"]),
        cities=cities,
        effective_from=wire.moment(wanted["effective_from"], "effective_from"),
        effective_to=_end(wanted.get("effective_to")),
        reason=wanted["reason"].strip(),
    )
    alert = response.propose(session, said, proposer=officer.id)
    acting.hint(f"alert {alert.id}")
    return alert


def _end(text: str | None) -> datetime | None:
    return wire.moment(text, "effective_to") if text else None


def perform(session: Session, name: str, alert_id: int, officer: Officer, *, rev: int, words: Words) -> Alert:
    """One act on one revision: mandates first, then the revision, then the act and what follows from it."""
    mandates.require(officer, MANDATE[name])
    alert = present(session, alert_id, rev)
    _ACT[name](session, alert, officer, words)
    acting.hint(f"alert {alert.id}")
    return alert


def present(session: Session, alert_id: int, rev: int) -> Alert:
    """The alert, locked; Stale with the difference unless ``rev`` is its present revision."""
    alert = response.load(session, alert_id)
    if rev != alert.rev:
        stale = Stale(f"您看到的是第 {rev} 版，现在是第 {alert.rev} 版；请重新查看后再办理", **response.current(alert))
        stale.difference = difference(session, alert, rev)  # type: ignore[attr-defined]
        raise stale
    return alert


def difference(session: Session, alert: Alert, rev: int) -> Words:
    """What another revision said and what the present one says, by name; empty when there never was such a revision."""
    was = session.get(Revision, (alert.id, rev)) if 0 < rev < alert.rev else None
    now = session.get(Revision, (alert.id, alert.rev))
    if was is None or now is None:
        return {}
    names = sorted({*was.said, *now.said})
    pairs = {name: [_plain(name, said.get(name)) for said in (was.said, now.said)] for name in names}
    return {name: {"was": pair[0], "is": pair[1]} for name, pair in pairs.items() if pair[0] != pair[1]}


def _plain(name: str, value: Any) -> Any:
    return Level(value).word if name == "level" and isinstance(value, int) else value


def _submit(session: Session, alert: Alert, officer: Officer, words: Words) -> None:
    response.submit(session, alert, officer)
    paging.page_signers(session, alert)


def _approve(session: Session, alert: Alert, officer: Officer, words: Words) -> None:
    if response.approve(session, alert, officer):
        acting.materialise_later(alert)


def _reject(session: Session, alert: Alert, officer: Officer, words: Words) -> None:
    response.reject(session, alert, officer, reason=_reason(words))


def _hold(session: Session, alert: Alert, officer: Officer, words: Words) -> None:
    response.hold(session, alert, officer, reason=_reason(words))


def _release(session: Session, alert: Alert, officer: Officer, words: Words) -> None:
    response.release(session, alert, officer, reason=_reason(words))
    paging.page_signers(session, alert)


def _retract(session: Session, alert: Alert, officer: Officer, words: Words) -> None:
    mandates.require_places(officer, alert.cities)
    response.retract(session, alert, by=officer.id, reason=_said(alert, words))
    paging.page_signers(session, alert)


def _lift(session: Session, alert: Alert, officer: Officer, words: Words) -> None:
    mandates.require_places(officer, alert.cities)
    wanted: Words = {"reason": _said(alert, words) or alert.reason}
    if words.get("evidence"):
        wanted["evidence"] = words["evidence"]
    response.lift(session, alert, by=officer.id, wanted=wanted)
    paging.page_signers(session, alert)


def _change(session: Session, alert: Alert, officer: Officer, words: Words) -> None:
    wanted = _wanted(alert, words)
    mandates.require_places(officer, {*alert.cities, *wanted.get("cities", [])})
    response.change(session, alert, by=officer.id, wanted=wanted)
    paging.page_signers(session, alert)


def _wanted(alert: Alert, words: Words) -> Words:
    """What is to be said instead, checked as a whole: a change may not say what a proposal could not.

    What is left out stays. An end that is given as nothing is taken back: 另行通知.
    """
    wanted: Words = {name: words[name] for name in CHANGEABLE if words.get(name) is not None}
    if "effective_to" in words:
        wanted["effective_to"] = words["effective_to"]
    if "level" in wanted:
        wanted["level"] = wire.level(wanted["level"])
    if "cities" in wanted:
        wanted["cities"] = sorted(wire.cities(wanted["cities"]))
    for name in ("effective_from", "effective_to"):
        if wanted.get(name) is not None:
            wanted[name] = wire.moment(wanted[name], name)
    if not wanted:
        raise Refusal(f"没有写要变更什么；可变更 {'、'.join(CHANGEABLE)}")
    start, end = wanted.get("effective_from", alert.effective_from), wanted.get("effective_to", alert.effective_to)
    if end and end <= start:
        raise Refusal("effective_to: 须晚于 effective_from")
    return wanted


def _reason(words: Words) -> str:
    return str(words.get("reason") or "").strip()


def _said(alert: Alert, words: Words) -> str:
    """A reason that receivers will read: a real one never speaks of drills."""
    reason = _reason(words)
    if alert.mode == Mode.ACTUAL:
        real_words_only(reason, where="reason")
    return reason


_ACT = {
    "submit": _submit,
    "approve": _approve,
    "reject": _reject,
    "hold": _hold,
    "release": _release,
    "retract": _retract,
    "change": _change,
    "lift": _lift,
}
MANDATE = dict.fromkeys(ACTS, "propose") | {"approve": "sign", "reject": "sign", "hold": "hold"}
