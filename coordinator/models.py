"""What the coordinator remembers. Records only: what is computed lives in rules/ as values."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from contacts.moments import Moment

Json = dict[str, Any]


class Base(DeclarativeBase):
    type_annotation_map = {datetime: Moment, Json: JSON, list[str]: JSON, list[Json]: JSON}  # noqa: RUF012


class Mode(StrEnum):
    """CAP 1.2 status. Fixed at birth: nothing moves an alert from one to another."""

    ACTUAL = "actual"
    EXERCISE = "exercise"
    TEST = "test"


class AlertState(StrEnum):
    DETECTED = "detected"
    PROPOSED = "proposed"
    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    ISSUING = "issuing"
    ACTIVE = "active"
    CHANGING = "changing"
    HELD = "held"
    LIFTED = "lifted"
    RETRACTED = "retracted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    DISMISSED = "dismissed"
    CLOSED = "closed"


class State(StrEnum):
    """Of a notice 送达状态. Finished stays finished: see MOVES."""

    PLANNED = "planned"
    PENDING = "pending"
    SENDING = "sending"
    UNCERTAIN = "uncertain"
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"
    DEAD = "dead"


_BEFORE_SENDING = (State.CANCELLED, State.SUPERSEDED, State.EXPIRED, State.SUPPRESSED)
MOVES: dict[State, tuple[State, ...]] = {  # a database trigger holds this table too
    State.PLANNED: (State.PENDING, *_BEFORE_SENDING),
    State.PENDING: (State.SENDING, State.DEAD, *_BEFORE_SENDING),
    State.SENDING: (State.ACCEPTED, State.PENDING, State.FAILED, State.UNCERTAIN, State.DEAD),
    State.UNCERTAIN: (State.ACCEPTED, State.PENDING, State.UNKNOWN, State.EXPIRED, State.CANCELLED, State.SUPERSEDED),
    State.ACCEPTED: (State.SENT, State.DELIVERED, State.UNDELIVERED, State.FAILED, State.UNKNOWN),
    State.SENT: (State.DELIVERED, State.UNDELIVERED, State.FAILED, State.UNKNOWN),
}
FINISHED = tuple(state for state in State if state not in MOVES)
REACHED = (State.ACCEPTED, State.SENT, State.DELIVERED, State.UNCERTAIN, State.SENDING, State.UNKNOWN)


class NoticeKind(StrEnum):
    ORDER = "order"
    REMINDER = "reminder"
    CORRECTION = "correction"
    MANUAL = "manual"


class Payload(Base):
    """What a feed handed in, as it came, so that every reading can be traced to it."""

    __tablename__ = "payload"
    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    sha256: Mapped[str] = mapped_column(index=True)
    received_at: Mapped[datetime]
    body: Mapped[bytes] = mapped_column(LargeBinary)  # zlib


class Quarantined(Base):
    """A value that can't be believed, by name and reason; it never became a number."""

    __tablename__ = "quarantined"
    id: Mapped[int] = mapped_column(primary_key=True)
    payload_id: Mapped[int] = mapped_column(ForeignKey("payload.id"), index=True)
    source: Mapped[str]
    row: Mapped[int]
    column: Mapped[str]
    value: Mapped[str]
    reason: Mapped[str]


class _Air:
    """The columns of the air. µg/m³, CO mg/m³; absent is absent, never zero."""

    id: Mapped[int] = mapped_column(primary_key=True)
    payload_id: Mapped[int]
    source: Mapped[str]
    city: Mapped[str] = mapped_column(String(6))
    pm25: Mapped[float | None]
    pm10: Mapped[float | None]
    so2: Mapped[float | None]
    no2: Mapped[float | None]
    o3: Mapped[float | None]
    co: Mapped[float | None]
    o3_8h: Mapped[float | None]
    aqi: Mapped[float | None]


class Reading(_Air, Base):
    """Hourly observation 监测值. ``station`` is "" for a city mean; a correction is a higher ``revision``."""

    __tablename__ = "reading"
    __table_args__ = (
        UniqueConstraint("source", "city", "station", "at", "revision"),
        Index("reading_by_city", "city", "at"),
    )
    station: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[datetime]


class Forecast(_Air, Base):
    """预报 for one hour (``span_h`` 1) or one day (24), as issued; the newest issue wins, the older stay.

    ``aqi`` is the upper bound of a stated range, ``aqi_low`` the lower.
    """

    __tablename__ = "forecast"
    __table_args__ = (
        UniqueConstraint("source", "city", "issued_at", "at", "span_h"),
        Index("forecast_by_city", "city", "at"),
    )
    issued_at: Mapped[datetime]
    at: Mapped[datetime]
    span_h: Mapped[int]
    aqi_low: Mapped[float | None]
    primary_pollutant: Mapped[str] = mapped_column(default="")
    received_at: Mapped[datetime]


class FeedState(Base):
    """When each source was last heard, and what was wrong with it. ``newest_at``: the last hour read, or the last issue."""

    __tablename__ = "feed_state"
    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # readings, forecasts
    tried_at: Mapped[datetime | None]
    heard_at: Mapped[datetime | None]
    newest_at: Mapped[datetime | None]
    trouble: Mapped[str] = mapped_column(Text, default="")


class Graded(Base):
    """One grading of one city in one round, with all it rests on. Replayable."""

    __tablename__ = "graded"
    __table_args__ = (UniqueConstraint("ruleset", "city", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    city: Mapped[str] = mapped_column(String(6))
    ruleset: Mapped[str]
    verdict: Mapped[str]
    level: Mapped[int]
    clause: Mapped[str] = mapped_column(Text)
    change: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    evidence: Mapped[Json]
    margin: Mapped[Json]


class Episode(Base):
    """区域污染过程: one regional process, many city alerts."""

    __tablename__ = "episode"
    id: Mapped[int] = mapped_column(primary_key=True)
    region: Mapped[str]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    cities: Mapped[Json]  # city → {level, since}


class Alert(Base):
    """One alert 预警 of one level for some cities, over all its revisions.

    ``rev`` counts what is said and to whom; ``in_force_rev`` is the one last issued.
    ``pending`` holds a change, lift or retraction that waits for signatures in round ``round``.
    """

    __tablename__ = "alert"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(default="")
    mode: Mapped[str]
    kind: Mapped[str]
    origin: Mapped[str]  # engine, officer, drill, incident
    state: Mapped[str] = mapped_column(index=True)
    resume_state: Mapped[str] = mapped_column(default="")
    level: Mapped[int]
    cities: Mapped[list[str]]
    rev: Mapped[int] = mapped_column(default=1)
    round: Mapped[int] = mapped_column(default=1)
    in_force_rev: Mapped[int] = mapped_column(default=0)
    order_rev: Mapped[int] = mapped_column(default=0)  # the last revision that has to be acknowledged
    hold: Mapped[bool] = mapped_column(default=False)
    effective_from: Mapped[datetime]
    effective_to: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text)
    ruleset: Mapped[str] = mapped_column(default="")
    clause: Mapped[str] = mapped_column(Text, default="")
    evidence: Mapped[Json] = mapped_column(default=dict)
    pending: Mapped[Json] = mapped_column(default=dict)
    body_hash: Mapped[str] = mapped_column(default="")
    open_key: Mapped[str | None] = mapped_column(unique=True)  # one open proposal of the program per city
    proposer: Mapped[str]
    submitter: Mapped[str] = mapped_column(default="")
    episode_id: Mapped[int | None]
    incident_id: Mapped[int | None]
    drill_id: Mapped[int | None]
    created_at: Mapped[datetime]
    waiting_since: Mapped[datetime | None]  # for signatures
    paged_step: Mapped[int] = mapped_column(default=0)
    issued_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Revision(Base):
    """What exactly was put before the signers: the words' source, hashed."""

    __tablename__ = "revision"
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), primary_key=True)
    rev: Mapped[int] = mapped_column(primary_key=True)
    change: Mapped[str]  # start, upgrade, downgrade, extend, lift, retract
    said: Mapped[Json]
    body_hash: Mapped[str]
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]


class Signature(Base):
    """会签: one person, once a round, on one revision's exact text."""

    __tablename__ = "signature"
    __table_args__ = (UniqueConstraint("alert_id", "round", "officer"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), index=True)
    rev: Mapped[int]
    round: Mapped[int]
    body_hash: Mapped[str]
    officer: Mapped[str]
    role: Mapped[str]
    decision: Mapped[str]  # approve, reject
    purpose: Mapped[str]
    signed_at: Mapped[datetime]


class Issue(Base):
    """That a revision was issued: the key is the lock, so it happens once."""

    __tablename__ = "issue"
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), primary_key=True)
    rev: Mapped[int] = mapped_column(primary_key=True)
    change: Mapped[str]
    issued_at: Mapped[datetime]
    materialised_at: Mapped[datetime | None]
    listed: Mapped[int] = mapped_column(default=0)
    complaints: Mapped[list[Json]] = mapped_column(default=list)


class Receiver(Base):
    """One enterprise or officer who must be told by one alert: a snapshot, and what came back."""

    __tablename__ = "receiver"
    __table_args__ = (
        UniqueConstraint("alert_id", "key"),
        UniqueConstraint("incident_id", "key"),
        Index("receiver_to_chase", "chase_at", postgresql_where=text("chase_at IS NOT NULL"),
              sqlite_where=text("chase_at IS NOT NULL")),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alert.id"))
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"))
    key: Mapped[str]  # credit code, or officer:ID
    name: Mapped[str]
    city: Mapped[str] = mapped_column(String(6))
    industry: Mapped[str] = mapped_column(default="")
    grade: Mapped[str] = mapped_column(default="")
    measures: Mapped[list[Json]] = mapped_column(default=list)
    people: Mapped[list[Json]] = mapped_column(default=list)  # the ladder as it stood
    complaint: Mapped[str] = mapped_column(Text, default="")
    code: Mapped[str] = mapped_column(String(4))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    last_rev: Mapped[int]
    acknowledged_rev: Mapped[int] = mapped_column(default=0)
    acknowledged_at: Mapped[datetime | None]
    executed_at: Mapped[datetime | None]
    cannot: Mapped[str] = mapped_column(Text, default="")
    viewed_at: Mapped[datetime | None]
    chase_step: Mapped[int] = mapped_column(default=0)
    chase_at: Mapped[datetime | None]
    wrong_tries: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]


class Wording(Base):
    """The words that many notices share, with blanks (`blanks.Slot`) for what is each receiver's own.

    Written once and never changed: ``id`` is the hash of the rest. ``measures`` fills its blank in an SMS and gives way
    to ``instead`` where the text would be too long.
    """

    __tablename__ = "wording"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
    measures: Mapped[str] = mapped_column(Text)
    instead: Mapped[str] = mapped_column(Text)


class Notice(Base):
    """One notice 管控通知 to one address: what was said, to whom, when.

    It repeats name, address and words (a wording, and what fills its blanks) instead of pointing at the register,
    because it is evidence and the register changes. Seconds (``…_s``) are the database's own clock.
    ``turn`` is the receiver's place among those of its city, so that no city waits for another.
    """

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("alert_id", "receiver", "rev", "channel", "kind", "step", name="notice_once"),
        Index("notice_of_incident", "incident_id", "receiver", "rev", "channel", "kind", "step", unique=True,
              postgresql_where=text("incident_id IS NOT NULL"), sqlite_where=text("incident_id IS NOT NULL")),
        Index("notice_due", "channel", "lane", "turn", "id", postgresql_where=text("state = 'pending'"),
              sqlite_where=text("state = 'pending'")),
        Index("notice_waiting", "alert_id", "rev", postgresql_where=text("state IN ('pending', 'planned')"),
              sqlite_where=text("state IN ('pending', 'planned')")),
        Index("notice_ending", "valid_until", postgresql_where=text("valid_until IS NOT NULL AND state IN ('pending', 'planned')"),
              sqlite_where=text("valid_until IS NOT NULL AND state IN ('pending', 'planned')")),
        Index("notice_leased", "lease_s", postgresql_where=text("state IN ('sending', 'uncertain')"),
              sqlite_where=text("state IN ('sending', 'uncertain')")),
        Index("notice_lost", "alert_id", "receiver",
              postgresql_where=text("state IN ('undelivered', 'failed', 'unknown')"),
              sqlite_where=text("state IN ('undelivered', 'failed', 'unknown')")),
        Index("notice_till_morning", "id", postgresql_where=text("state = 'planned'"),
              sqlite_where=text("state = 'planned'")),
        Index("notice_silent", "channel", "lease_s", postgresql_where=text("state IN ('accepted', 'sent')"),
              sqlite_where=text("state IN ('accepted', 'sent')")),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alert.id"))
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"))
    rev: Mapped[int]
    mode: Mapped[str]
    kind: Mapped[str]
    step: Mapped[int] = mapped_column(default=0)
    receiver: Mapped[str]
    receiver_name: Mapped[str]
    city: Mapped[str] = mapped_column(String(6))
    person: Mapped[str]
    channel: Mapped[str]
    address: Mapped[str]
    number: Mapped[str] = mapped_column(index=True)
    marker: Mapped[str]
    wording_id: Mapped[str] = mapped_column(String(32))  # of a Wording, written in the same transaction
    filling: Mapped[Json] = mapped_column(default=dict)
    lane: Mapped[int]
    turn: Mapped[int] = mapped_column(default=0)
    state: Mapped[str]
    account: Mapped[str] = mapped_column(default="")
    reference: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    try_s: Mapped[float] = mapped_column(default=0)
    lease_s: Mapped[float] = mapped_column(default=0)
    lease_token: Mapped[int] = mapped_column(default=0)
    asked: Mapped[int] = mapped_column(default=0)  # look-ups made while uncertain, polls while accepted
    error: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Attempt(Base):
    """One hand-over to a carrier and how it ended. Before that the notice's own lease stands for it."""

    __tablename__ = "attempt"
    notice_id: Mapped[int] = mapped_column(ForeignKey("notice.id"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str]
    started_at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(default="")
    detail: Mapped[str] = mapped_column(Text, default="")


class CarrierEvent(Base):
    """What a carrier told us, kept before it is acted on; ``event_key`` makes a repeat harmless."""

    __tablename__ = "carrier_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    event_key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]  # status, sms, voice
    notice_id: Mapped[int | None]
    form: Mapped[Json]
    received_at: Mapped[datetime]
    applied: Mapped[str] = mapped_column(default="", index=True)  # "" until acted on, then how


class Answer(Base):
    """反馈: what a receiver said, how and through whom. The first acknowledgement counts, later ones are kept."""

    __tablename__ = "answer"
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alert.id"), index=True)
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"), index=True)
    receiver: Mapped[str]
    rev: Mapped[int]
    kind: Mapped[str]  # acknowledge, executing, cannot, already_down, done
    channel: Mapped[str]  # link, sms, key, desk
    by: Mapped[str]
    words: Mapped[str] = mapped_column(Text, default="")
    answered_at: Mapped[datetime]


class StopListed(Base):
    """An address that asked a channel to stop (STOP, 退订)."""

    __tablename__ = "stop_listed"
    channel: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]


class Breaker(Base):
    """An account that is not fed for now, and why."""

    __tablename__ = "breaker"
    account: Mapped[str] = mapped_column(primary_key=True)
    open_until_s: Mapped[float]
    failures: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(Text, default="")


class Incident(Base):
    """突发环境事件: facts as they became known, the grading that follows, who was warned."""

    __tablename__ = "incident"
    id: Mapped[int] = mapped_column(primary_key=True)
    mode: Mapped[str]
    title: Mapped[str]
    city: Mapped[str] = mapped_column(String(6))
    state: Mapped[str]  # open, closed
    learned_at: Mapped[datetime]
    facts: Mapped[Json]
    findings: Mapped[Json]
    reported_by: Mapped[str]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Duty(Base):
    """One statutory deadline of an incident: who owes what to whom by when."""

    __tablename__ = "duty"
    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    name: Mapped[str]
    to: Mapped[list[str]]
    due_at: Mapped[datetime | None]
    clause: Mapped[str] = mapped_column(Text)
    superseded_at: Mapped[datetime | None]  # a graver grade's report stands in its place
    done_at: Mapped[datetime | None]
    done_by: Mapped[str] = mapped_column(default="")


class Drill(Base):
    """One run of a drill script 演练, by hand or by timetable."""

    __tablename__ = "drill"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    state: Mapped[str]  # planned, running, stopped, finished
    cities: Mapped[list[str]]
    started_by: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    log: Mapped[list[Json]] = mapped_column(default=list)


class ScheduleRun(Base):
    """That a timetable line fell due at a moment: one row a slot, whoever saw it first."""

    __tablename__ = "schedule_run"
    __table_args__ = (UniqueConstraint("job", "slot_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[str]
    slot_at: Mapped[datetime]
    state: Mapped[str]  # due, running, done, failed
    lease_s: Mapped[float] = mapped_column(default=0)
    trouble: Mapped[str] = mapped_column(Text, default="")


class Lease(Base):
    """Who leads, until when by the database's clock; ``epoch`` fences a leader that overslept."""

    __tablename__ = "lease"
    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    epoch: Mapped[int]
    until_s: Mapped[float]


class Audited(Base):
    """Who did what 审计: append-only, each row sealed by the hash of the one before."""

    __tablename__ = "audited"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    who: Mapped[str]
    what: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    detail: Mapped[Json]
    prev: Mapped[str] = mapped_column(String(64), unique=True)
    hash: Mapped[str] = mapped_column(String(64))


class OnceKey(Base):
    """An Idempotency-Key and what was answered to it."""

    __tablename__ = "once_key"
    key: Mapped[str] = mapped_column(primary_key=True)
    asked: Mapped[str]  # hash of officer, path and body
    status: Mapped[int]
    answer: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class Setting(Base):
    """One fact about this installation (instance, generation, fingerprint)."""

    __tablename__ = "setting"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(Text)


# What a number was sent lately is asked of these rows alone, for every SMS that is written.
Index(
    "notice_to_number", Notice.address, postgresql_where=text("channel = 'sms'"), sqlite_where=text("channel = 'sms'")
)


class Spent(Base):
    """What one batch of SMS cost: few rows, so that the last hour's spending is a cheap sum."""

    __tablename__ = "spent"
    id: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    texts: Mapped[int]
    segments: Mapped[int]
    cost_milli: Mapped[int]  # thousandths of the terms' currency


class Canary(Base):
    """One self-check of a link 链路自检: a text to our own number or mailbox, and whether it came back in time."""

    __tablename__ = "canary"
    notice_id: Mapped[int] = mapped_column(ForeignKey("notice.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(index=True)
    sent_at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(default="")  # "" until judged, then good or lost
    took_s: Mapped[float | None]
    account: Mapped[str] = mapped_column(default="")


class Trouble(Base):
    """Something of the installation that stands still; ``paged_s``, by the database's clock, keeps calls an hour apart."""

    __tablename__ = "trouble"
    cause: Mapped[str] = mapped_column(primary_key=True)
    detail: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime]
    paged_s: Mapped[float] = mapped_column(default=0)
    over_at: Mapped[datetime | None]
