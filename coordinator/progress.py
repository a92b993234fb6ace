"""Where an alert stands, counted from the rows each time: nothing here is a counter."""

from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from coordinator.models import FINISHED, Alert, Notice, NoticeKind, Receiver, State


def by_state(session: Session, alert_id: int) -> dict[str, int]:
    """Notices of kind order, by state; every one of them is in exactly one."""
    rows = session.execute(
        select(Notice.state, func.count())
        .where(Notice.alert_id == alert_id, Notice.kind == NoticeKind.ORDER)
        .group_by(Notice.state)
    )
    return {str(State(state)): count for state, count in rows}


def of(session: Session, alert_id: int) -> dict[str, Any]:
    """CONTRACT §6: listed and by_state count notices; told, acknowledged, executed, unreachable count receivers."""
    states = by_state(session, alert_id)
    return {
        "listed": sum(states.values()),
        "by_state": states,
        **receivers(session, alert_id),
        **_apart(session, alert_id),
    }


def receivers(session: Session, alert_id: int) -> dict[str, int]:
    """Of the receivers of the order now in force: who is told, has acknowledged, carries out, can't be reached."""
    alert = session.get_one(Alert, alert_id)
    delivered, alive = _notices_of(alert, State.DELIVERED), _alive(alert)
    stopped = _notices_of(alert, State.SUPPRESSED)  # mail may be on its way; at night nobody reads it
    acknowledged = (Receiver.acknowledged_rev >= alert.order_rev) & (Receiver.acknowledged_rev > 0)
    row = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(case((acknowledged | delivered, 1), else_=0)), 0),
            func.coalesce(func.sum(case((acknowledged, 1), else_=0)), 0),
            func.coalesce(func.sum(case((Receiver.executed_at.is_not(None), 1), else_=0)), 0),
            func.coalesce(func.sum(case((Receiver.cannot != "", 1), else_=0)), 0),
            func.coalesce(func.sum(case((~acknowledged & ~delivered & (~alive | stopped), 1), else_=0)), 0),
        ).where(Receiver.alert_id == alert_id)
    ).one()
    names = ("receivers", "told", "acknowledged", "executed", "cannot", "unreachable")
    return {name: int(count) for name, count in zip(names, row, strict=True)}


def _notices_of(alert: Alert, state: State) -> Any:
    return (
        select(Notice.id)
        .where(Notice.alert_id == alert.id, Notice.receiver == Receiver.key, Notice.rev >= alert.order_rev)
        .where(Notice.state == state)
        .exists()
    )


def _alive(alert: Alert) -> Any:
    """An order is still under way, or was handed to a carrier that gives no receipt. A call by a machine, or a reminder to
    the next person, takes nobody off the call sheet until it is answered."""
    return (
        select(Notice.id)
        .where(Notice.alert_id == alert.id, Notice.receiver == Receiver.key, Notice.rev >= alert.order_rev)
        .where(Notice.state.not_in(FINISHED), Notice.kind != NoticeKind.REMINDER)
        .exists()
    )


def _apart(session: Session, alert_id: int) -> dict[str, Any]:
    rows = session.execute(
        select(Notice.kind, func.count())
        .where(Notice.alert_id == alert_id, Notice.kind != NoticeKind.ORDER)
        .group_by(Notice.kind)
    )
    return {"apart": {str(kind): count for kind, count in rows}}


def unreachable(session: Session, alert_id: int) -> list[Receiver]:
    """The call sheet: who must be rung by a person."""
    alert = session.get_one(Alert, alert_id)
    query = (
        select(Receiver)
        .where(Receiver.alert_id == alert_id, Receiver.acknowledged_rev < max(alert.order_rev, 1))
        .where(~_notices_of(alert, State.DELIVERED), ~_alive(alert) | _notices_of(alert, State.SUPPRESSED))
        .order_by(Receiver.city, Receiver.name)
    )
    return list(session.scalars(query))
