"""Drills as officers see them: what was held, how one went."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import drills as rehearsals
from coordinator.models import Drill
from coordinator.web.looks import telling
from coordinator.web.looks.alerts import names, paged


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillLook:
    """The record of one drill, and the bar of its telling."""

    report: dict[str, Any]
    bar: list[telling.Part]
    names: dict[str, str]


def listed(session: Session, page: int) -> tuple[list[Drill], bool]:
    return paged(session, select(Drill).order_by(Drill.id.desc()), page)


def one(session: Session, drill_id: int) -> DrillLook:
    report = rehearsals.report(session, drill_id)
    counts = report.get("progress")
    people = {signed["officer"] for signed in report.get("signatures", [])} | {report["started_by"]}
    return DrillLook(report=report, bar=telling.bar(counts) if counts else [], names=names(session, people))
