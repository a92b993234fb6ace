"""Words as they are kept: each wording once, each notice with what fills its blanks."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import db, render
from coordinator.models import Notice, Wording
from coordinator.render import Draft, Words

_COLUMNS = Wording.__table__.c
_KNOWN: dict[str, Draft] = {}
_MOST = 5000


class Book:
    """Gathers the wordings of many notices; `write` stores those that are new, before the notices themselves."""

    def __init__(self) -> None:
        self._fresh: dict[str, Draft] = {}
        self._written: set[str] = set()

    def keep(self, draft: Draft) -> str:
        """The id under which a notice finds this wording."""
        key = draft.id
        if key not in self._written:
            self._fresh[key] = draft
        return key

    def whole(self, words: Words) -> str:
        """The same for words that leave no blank."""
        return self.keep(Draft(words.subject, words.text, words.html))

    def write(self, session: Session) -> None:
        """Store what is new; the same words stored by somebody else meanwhile are the same words."""
        rows = [
            {"id": key, "subject": one.subject, "body": one.body, "html": one.html, "measures": one.measures,
             "instead": one.instead} for key, one in self._fresh.items()
        ]  # fmt: skip
        if rows:
            session.execute(db.insert_new(Wording.__table__), rows)  # type: ignore[arg-type]
        self._written |= self._fresh.keys()
        self._fresh = {}


def drafts(keys: Collection[str]) -> dict[str, Draft]:
    """Wordings by id; what this process has seen before is not asked for again."""
    found = {key: _KNOWN[key] for key in keys if key in _KNOWN}
    missing = set(keys) - found.keys()
    if missing:
        with db.reading() as session:
            for row in session.execute(select(Wording.__table__).where(_COLUMNS.id.in_(missing))):
                found[row.id] = _remember(row.id, _draft(row))
    return found


def _remember(key: str, draft: Draft) -> Draft:
    """A wording never changes, so what is remembered is never stale."""
    if len(_KNOWN) >= _MOST:
        _KNOWN.clear()
    _KNOWN[key] = draft
    return draft


def _draft(row: Any) -> Draft:
    return Draft(row.subject, row.body, row.html, row.measures, row.instead)


def compose(draft: Draft, notice: Any) -> Words:
    """The words of one notice (a record, or a row with its columns)."""
    return render.filled(draft, values_of(notice), mode=notice.mode)


def values_of(notice: Any) -> Mapping[str, str]:
    """What fills the blanks."""
    return {
        **notice.filling, "name": notice.receiver_name, "person": notice.person, "number": notice.number, "marker": notice.marker,
    }  # fmt: skip


def said(session: Session, notice: Notice) -> Words:
    """What exactly was said by this notice."""
    row = session.execute(select(Wording.__table__).where(_COLUMNS.id == notice.wording_id)).one()
    return compose(_draft(row), notice)
