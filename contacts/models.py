"""What is remembered about plants, their lines and contacts; about officers, shifts and tokens; about stations."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import JSON, Boolean, ForeignKey, Index, MetaData, String, Text, true
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from contacts.moments import Moment

ROLES = ("duty", "signer", "leader", "clerk", "director", "auditor")


class Base(DeclarativeBase):
    """Constraint names are fixed, so that a migration can name what it alters."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {datetime: Moment}


class Enterprise(Base):
    """One plant 企业 of the emission list 应急减排清单, keyed by 统一社会信用代码.

    ``exemption_*`` is the special class of air.md §4.3: what kind, up to which level it holds, till when,
    under which condition and load, and who approved it. ``*_plan`` are the plant's own words 一厂一策
    for the plant as a whole; a `Line` may say more.
    """

    __tablename__ = "enterprise"

    credit_code: Mapped[str] = mapped_column(String(18), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    city: Mapped[str] = mapped_column(String(6), index=True)
    county: Mapped[str | None] = mapped_column(Text)
    industry: Mapped[str] = mapped_column(Text)
    grade: Mapped[str] = mapped_column(String(20))
    grade_system: Mapped[str | None] = mapped_column(Text)
    graded_on: Mapped[date | None]
    permit_number: Mapped[str | None] = mapped_column(Text)
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    main_lines: Mapped[str | None] = mapped_column(Text)
    exemption_kind: Mapped[str | None] = mapped_column(Text)
    exemption_max_level: Mapped[str | None] = mapped_column(String(10))  # Level.word
    exemption_expires_on: Mapped[date | None]
    exemption_condition: Mapped[str | None] = mapped_column(Text)
    exemption_load_cap: Mapped[str | None] = mapped_column(Text)
    exemption_approver: Mapped[str | None] = mapped_column(Text)
    in_drill: Mapped[bool] = mapped_column(Boolean, default=False)  # 参演
    yellow_plan: Mapped[str | None] = mapped_column(Text)
    orange_plan: Mapped[str | None] = mapped_column(Text)
    red_plan: Mapped[str | None] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(default=1)

    lines: Mapped[list["Line"]] = relationship(
        back_populates="enterprise", order_by="Line.position", cascade="all, delete-orphan", passive_deletes=True
    )
    # No foreign key: a plant that leaves the list by mistake and returns finds its contacts again.
    contacts: Mapped[list["Contact"]] = relationship(
        primaryjoin="Enterprise.credit_code == foreign(Contact.enterprise_code)",
        order_by="(Contact.order, Contact.id)",
        viewonly=True,
    )


class Line(Base):
    """One production line 生产线 with what it does at each level 一厂一策; ``*_cut`` is a share 0–1 停限产比例.

    ``so2 nox pm vocs`` are tonnes a day in normal operation, the base of the reduction accounts.
    """

    __tablename__ = "line"

    enterprise_code: Mapped[str] = mapped_column(
        String(18), ForeignKey("enterprise.credit_code", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    position: Mapped[int] = mapped_column(default=0)
    process: Mapped[str | None] = mapped_column(Text)
    unit: Mapped[str | None] = mapped_column(Text)
    capacity: Mapped[float | None]
    yellow_measure: Mapped[str | None] = mapped_column(Text)
    orange_measure: Mapped[str | None] = mapped_column(Text)
    red_measure: Mapped[str | None] = mapped_column(Text)
    yellow_cut: Mapped[float | None]
    orange_cut: Mapped[float | None]
    red_cut: Mapped[float | None]
    so2: Mapped[float | None]
    nox: Mapped[float | None]
    pm: Mapped[float | None]
    vocs: Mapped[float | None]

    enterprise: Mapped[Enterprise] = relationship(back_populates="lines")


class Contact(Base):
    """One person at a plant 联系人; ``order`` 1 is called first. At least one of phone and e-mail is there."""

    __tablename__ = "contact"

    id: Mapped[int] = mapped_column(primary_key=True)
    enterprise_code: Mapped[str] = mapped_column(String(18), index=True)
    name: Mapped[str] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(String(20))  # E.164
    email: Mapped[str | None] = mapped_column(String(254))
    order: Mapped[int] = mapped_column(default=1)


class Officer(Base):
    """One person of the authority 值班员、签发人、领导…; one who left is inactive, never deleted."""

    __tablename__ = "officer"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # 工号
    name: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(String(10))
    cities: Mapped[list[str]] = mapped_column(JSON)
    phone: Mapped[str | None] = mapped_column(String(20))
    email: Mapped[str | None] = mapped_column(String(254))
    password_hash: Mapped[str | None] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())

    tokens: Mapped[list["Token"]] = relationship(back_populates="officer")
    shifts: Mapped[list["Shift"]] = relationship(back_populates="officer", order_by="Shift.from_at")


class Token(Base):
    """One bearer token of an officer; only its SHA-256 is kept."""

    __tablename__ = "token"

    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[str] = mapped_column(ForeignKey("officer.id"), index=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    officer: Mapped[Officer] = relationship(back_populates="tokens")


class Shift(Base):
    """One turn of duty 班次, [from, to). A withdrawn shift still says who was on duty before ``withdrawn_at``."""

    __tablename__ = "shift"
    __table_args__ = (Index("ix_shift_span", "from_at", "to_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[str] = mapped_column(ForeignKey("officer.id"), index=True)
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]

    officer: Mapped[Officer] = relationship(back_populates="shifts")


class Station(Base):
    """One monitoring station 监测站点."""

    __tablename__ = "station"

    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    city: Mapped[str] = mapped_column(String(6), index=True)
    lon: Mapped[float | None]
    lat: Mapped[float | None]


class RegisterImport(Base):
    """One import that was written: who brought which file when, and what it changed; ``before`` undoes it."""

    __tablename__ = "register_import"

    id: Mapped[int] = mapped_column(primary_key=True)
    register: Mapped[str] = mapped_column(String(20))
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    imported_at: Mapped[datetime]
    added: Mapped[int]
    changed: Mapped[int]
    removed: Mapped[int]
    before: Mapped[list[dict[str, object]]] = mapped_column(JSON)  # rows changed or removed, as they were
