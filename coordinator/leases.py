"""Who leads: one row, renewed by the database's clock; a rising epoch fences whoever overslept."""

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from coordinator import db
from coordinator.models import Lease

LASTS_S = 10.0


def take(name: str, holder: str) -> int | None:
    """Take or renew the lead. The epoch when it is ours, None when somebody else's has not run out."""
    with db.transaction() as session:
        session.execute(
            db.insert_new(Lease.__table__).values(name=name, holder="", epoch=0, until_s=0.0)  # type: ignore[arg-type]
        )
        won = session.execute(
            update(Lease)
            .where(Lease.name == name, (Lease.holder == holder) | (Lease.until_s < db.seconds()))
            .values(
                epoch=Lease.epoch + case((Lease.holder == holder, 0), else_=1),
                holder=holder,
                until_s=db.seconds() + LASTS_S,
            )
            .returning(Lease.epoch)
        ).scalar()
    return int(won) if won is not None else None


def leads(session: Session, name: str, epoch: int) -> bool:
    """Whether this epoch still leads, asked in the transaction that is about to act on it."""
    held = select(Lease.epoch).where(Lease.name == name, Lease.epoch == epoch, Lease.until_s > db.seconds())
    return session.scalar(held.with_for_update(read=True)) is not None


def held_by(session: Session, name: str, holder: str) -> bool:
    """Whether ``holder`` leads now."""
    held = select(Lease.epoch).where(Lease.name == name, Lease.holder == holder, Lease.until_s > db.seconds())
    return session.scalar(held) is not None


def give_back(name: str, holder: str) -> None:
    """Let the next one lead at once."""
    with db.transaction() as session:
        session.execute(update(Lease).where(Lease.name == name, Lease.holder == holder).values(until_s=0.0))


def holder(session: Session, name: str) -> str:
    """Who leads now; empty when the lead has run out or was given back."""
    return session.scalar(select(Lease.holder).where(Lease.name == name, Lease.until_s > db.seconds())) or ""


def leader_age_s(session: Session, name: str) -> float | None:
    """Seconds since the lead was last renewed; None when nobody ever led."""
    return session.scalar(select(db.seconds() - (Lease.until_s - LASTS_S)).where(Lease.name == name, Lease.epoch > 0))
