"""Who did what 审计: append-only, each row sealed by the hash of the one before."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from coordinator import clock, db
from coordinator.models import Audited

GENESIS = "0" * 64


def record(session: Session, who: str, what: str, subject: str, **detail: object) -> Audited:
    """Seal one act into the chain, in the caller's transaction: no act without its row, no row without its act."""
    if not db.is_sqlite():  # SQLite's writers already stand in line
        session.execute(text("SELECT pg_advisory_xact_lock(7214)"))
    last = session.execute(select(Audited.seq, Audited.hash).order_by(Audited.seq.desc()).limit(1)).first()
    row = Audited(
        seq=last.seq + 1 if last else 1,
        at=clock.now(),
        who=who,
        what=what,
        subject=subject,
        detail=json.loads(json.dumps(detail, ensure_ascii=False, default=str)),
        prev=last.hash if last else GENESIS,
        hash="",
    )
    row.hash = seal(row)
    session.add(row)
    session.flush()
    return row


def seal(row: Audited) -> str:
    """SHA-256 over the row before and this row's own words, in one fixed spelling."""
    words = [row.seq, row.at.astimezone(UTC).isoformat(), row.who, row.what, row.subject, row.detail, row.prev]
    return hashlib.sha256(json.dumps(words, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold, and how."""

    seq: int
    why: str


def breaks(session: Session) -> list[Break]:
    """Walk the whole chain. Empty when every row is as it was sealed."""
    found: list[Break] = []
    prev, expected = GENESIS, 1
    for row in session.scalars(select(Audited).order_by(Audited.seq).execution_options(yield_per=1000)):
        if row.seq != expected:
            found.append(Break(row.seq, f"rows {expected}–{row.seq - 1} are missing"))
        if row.prev != prev:
            found.append(Break(row.seq, "does not follow the row before it"))
        if row.hash != seal(row):
            found.append(Break(row.seq, "was changed after it was sealed"))
        prev, expected = row.hash, row.seq + 1
    return found


def head(session: Session) -> tuple[int, str]:
    """How long the chain is and its last hash: keep it outside, it shows a cut tail."""
    last = session.execute(select(Audited.seq, Audited.hash).order_by(Audited.seq.desc()).limit(1)).first()
    return (last.seq, last.hash) if last else (0, GENESIS)
