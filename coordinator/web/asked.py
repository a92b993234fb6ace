"""What may callers write? The bodies and queries of the interface, as they stand in its description."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from coordinator import rulebook
from coordinator.models import AlertState, NoticeKind, State
from rules.levels import Level

Text = Annotated[str, StringConstraints(max_length=2000)]
Moment = Annotated[str, StringConstraints(max_length=40), Field(examples=["2026-01-15T18:00:00+08:00"])]
LEVELS = [said for level in Level if level > Level.NONE for said in (level.word, level.chinese)]
CITIES = [said for city in rulebook.cities() for said in (city.code, city.name)]
LevelWord = Annotated[str, StringConstraints(max_length=10), WithJsonSchema({"type": "string", "enum": LEVELS})]
City = Annotated[str, StringConstraints(max_length=20), WithJsonSchema({"type": "string", "enum": CITIES})]
Cities = Annotated[list[City], Field(max_length=400)]
Rev = Annotated[int, Field(description="the revision you saw; any other is answered 409")]
Page = Annotated[int, Field(ge=1, le=1_000_000)]


class Body(BaseModel):
    model_config = ConfigDict(strict=True, populate_by_name=True)


class Query(BaseModel):
    pass


class Proposed(Body):
    """A new alert."""

    mode: Literal["actual", "exercise", "test"]
    kind: Literal["air"] = "air"
    level: LevelWord
    cities: Annotated[Cities, Field(min_length=1)]
    effective_from: Moment
    effective_to: Moment | None = None
    reason: Text


class Act(Body):
    """An act on the revision you saw."""

    rev: Rev
    reason: Text = ""


class Change(Body):
    """What shall be said instead; what is left out stays. ``effective_to: null`` takes the end back."""

    rev: Rev
    level: LevelWord | None = None
    cities: Cities | None = None
    effective_from: Moment | None = None
    effective_to: Moment | None = None
    reason: Text | None = None


class Lift(Body):
    """Why it may be lifted, with the evidence at hand."""

    rev: Rev
    reason: Text = ""
    evidence: dict[str, Any] = {}


class AlertsQuery(Query):
    state: AlertState | None = None
    mode: Literal["actual", "exercise", "test"] | None = None
    city: City | None = None
    page: Page = 1


class NoticesQuery(Query):
    state: State | None = None
    kind: NoticeKind | None = None
    channel: Literal["sms", "voice", "email", "chat", "webhook"] | None = None
    city: City | None = None
    page: Page = 1


class Acknowledged(Body):
    """Who rang the desk, and what was said."""

    caller: Text = Field(validation_alias=AliasChoices("caller", "called_by", "who", "by", "name"))
    words: Text = ""


class Answered(Acknowledged):
    """What the caller said the plant does."""

    kind: Literal["acknowledge", "executing", "cannot", "already_down", "done"] = Field(
        validation_alias=AliasChoices("kind", "answer")
    )
    words: Text = Field(default="", validation_alias=AliasChoices("words", "reason", "note"))


class Rows(Body):
    """Hourly values of cities or stations."""

    source: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    issued_at: Moment | None = None
    rows: Annotated[list[dict[str, Any]], Field(max_length=200_000)]


class Reported(Body):
    """An incident: its facts as in an incident file, nested under ``facts`` or side by side with the title."""

    model_config = ConfigDict(strict=True, extra="allow")
    title: Text = ""
    city: City | None = None
    mode: Literal["actual", "exercise", "test"] = "actual"
    facts: dict[str, Any] | None = None


class Learned(Body):
    """New facts; each replaces what it names."""

    facts: dict[str, Any]


class Reason(Body):
    """Why."""

    reason: Text = ""


class Requeued(Body):
    """Why what died shall be sent after all: what was wrong, and what has been mended."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class Begun(Body):
    """Which script, and where."""

    name: Annotated[str, StringConstraints(max_length=80)]
    cities: Cities = []


class PageQuery(Query):
    page: Page = 1
