"""What is over is closed: lifted or retracted alerts whose every notice has come to its end."""

from datetime import datetime, timedelta

from sqlalchemy import select

from coordinator import audit, clock, db
from coordinator.models import Alert, AlertState, Drill, Notice, State

REST = timedelta(hours=48)  # the report is due two days after the lift
RESTING = (State.ACCEPTED, State.SENT)  # mail relays give no receipt


def close_ended(slot: datetime) -> int:
    """Close what ended long enough ago; a notice still on its way keeps its alert open."""
    closed = 0
    with db.transaction() as session:
        ended = session.scalars(
            select(Alert).where(
                Alert.state.in_((AlertState.LIFTED, AlertState.RETRACTED)), Alert.ended_at < clock.now() - REST
            )
        )
        for alert in ended:
            moving = select(Notice.id).where(
                Notice.alert_id == alert.id,
                Notice.state.in_((State.PLANNED, State.PENDING, State.SENDING, State.UNCERTAIN)),
            )
            if session.scalar(moving.limit(1)) is not None:
                continue
            alert.state = AlertState.CLOSED
            audit.record(session, "program", "close", f"alert:{alert.id}", rev=alert.rev)
            closed += 1
    _finish_drills()
    return closed


def _finish_drills() -> None:
    with db.transaction() as session:
        over = session.scalars(
            select(Drill)
            .join(Alert, Alert.drill_id == Drill.id)
            .where(Drill.state == "running", Alert.ended_at.is_not(None))
        )
        for drill in over:
            drill.state, drill.ended_at = "finished", clock.now()
