"""A made-up region at a busy hour, for the desk's tests: 38 cities, plants, officers, air, alerts in several states."""

import random
from datetime import timedelta

from sqlalchemy import insert
from sqlalchemy.orm import Session

from contacts.models import Contact, Enterprise, Line, Officer, Shift
from coordinator import clock, db, issuing, response, rulebook
from coordinator import incidents as emergencies
from coordinator.models import (
    Alert,
    Episode,
    FeedState,
    Forecast,
    Graded,
    Mode,
    Notice,
    Payload,
    Quarantined,
    Reading,
    Receiver,
    State,
)
from coordinator.response import Proposal
from coordinator.web import passwords
from rules.levels import Level

PASSWORD = "long enough 42"
OFFICERS = (
    ("D01", "陈值班", "duty"), ("D02", "Friederike Wolkenstein-Oberhausen 弗里德里克", "duty"), ("S01", "周签发", "signer"),
    ("S02", "吴签发", "signer"), ("L01", "郑领导", "leader"), ("C01", "王名单", "clerk"), ("X01", "李导演", "director"),
    ("A01", "赵审计", "auditor"),
)  # fmt: skip
PROVINCES = ["110000", "120000", "130000", "140000", "370000", "410000"]
TRADES = ("水泥", "长流程联合钢铁", "焦化", "家具", "包装印刷", "铸造")
GRADES = ("A", "B", "C", "D")
LONG = "河北省某某经济技术开发区超长名称新型环保建筑材料与循环经济综合利用联合股份有限公司第二分公司北厂区"


def officers(session: Session, password: str = PASSWORD) -> None:
    """One of each role, with a mandate over every province and one password for all."""
    kept = passwords.hashed(password)
    for n, (id_, name, role) in enumerate(OFFICERS):
        session.add(
            Officer(id=id_, name=name, role=role, cities=PROVINCES, phone=f"+861540000{n:04d}", email=f"{id_.lower()}@example.cn",
                    password_hash=kept, active=True)
        )  # fmt: skip
    session.flush()
    begins = clock.now() - timedelta(hours=4)
    for id_ in ("D01", "S01", "L01"):
        session.add(Shift(officer_id=id_, from_at=begins, to_at=begins + timedelta(hours=12)))


def plants(session: Session, count: int) -> None:
    """Plants spread over the cities; some without contacts, some with long names, some that take part in drills."""
    places = rulebook.cities()
    codes = [f"91110000XXXXX{n:04d}X" for n in range(count)]
    for n, code in enumerate(codes):
        name = LONG if n % 50 == 7 else f"{places[n % len(places)].name}示例{TRADES[n % 6]}{n}厂"
        session.add(
            Enterprise(credit_code=code, name=name, city=places[n % len(places)].code, industry=TRADES[n % 6],
                       grade=GRADES[n % 4], in_drill=n % 10 == 0)
        )  # fmt: skip
    session.flush()
    for n, code in enumerate(codes):
        if n % 3 == 0:
            line = Line(
                enterprise_code=code, name="1#线", position=1, process="主线", orange_measure="停产", orange_cut=1.0
            )
            session.add(line)
        if n % 25 != 3:
            first = Contact(
                enterprise_code=code, name=f"厂长{n}", phone=f"+861541{n:06d}", email=f"p{n}@example.cn", order=1
            )
            session.add_all([first, Contact(enterprise_code=code, name=f"值班室{n}", phone=f"+861542{n:06d}", order=2)])


def air(session: Session, hours: int) -> None:
    """Foul days seen, seven foretold, one city silent, one source stale."""
    luck, now = random.Random(7), clock.now().replace(minute=0, second=0, microsecond=0)
    payload = Payload(source="cnemc", sha256="0" * 64, received_at=now, body=b"")
    session.add(payload)
    session.flush()
    heard: dict[str, object] = {"payload_id": payload.id, "received_at": now}
    seen, foretold = [], []
    for n, place in enumerate(rulebook.cities()):
        base = 60 + 5 * n
        for ago in range(4 if n == 5 else 0, hours):
            worth = max(8.0, base * (1.25 - ago / 100) + luck.uniform(-25, 25))
            seen.append(heard | {"source": "cnemc", "city": place.code, "at": now - timedelta(hours=ago), "pm25": worth,
                                 "pm10": worth * 1.4})  # fmt: skip
        for day in range(1, 8):
            at = (now + timedelta(days=day)).astimezone(clock.BEIJING).replace(hour=0)
            low = max(20, base * (2.2 - day / 4))
            foretold.append(heard | {"source": "bulletin", "city": place.code, "issued_at": now, "at": at, "span_h": 24,
                                     "aqi": min(500, low + 40), "aqi_low": low})  # fmt: skip
    session.execute(insert(Reading), seen)
    session.execute(insert(Forecast), foretold)
    session.add(FeedState(name="cnemc", kind="readings", tried_at=now, heard_at=now, newest_at=now, trouble=""))
    old = now - timedelta(hours=90)
    session.add(
        FeedState(name="open-meteo", kind="forecasts", tried_at=now, heard_at=old, newest_at=old, trouble="连接超时")
    )
    for row in range(3):
        session.add(
            Quarantined(payload_id=payload.id, source="cnemc", row=row, column="PM2.5", value="-999", reason="低于量程")
        )


def propose(session: Session, level: Level, cities: tuple[str, ...], **more: object) -> Alert:
    """One alert, proposed by the duty officer unless said otherwise."""
    begins = (clock.now() + timedelta(hours=6)).replace(minute=0, second=0, microsecond=0)
    values: dict[str, object] = {
        "mode": Mode.ACTUAL, "kind": "air", "level": level, "cities": cities, "effective_from": begins,
        "effective_to": begins + timedelta(days=3), "reason": "受不利扩散条件影响,预计将出现区域性重度污染过程",
    }  # fmt: skip
    proposer = str(more.pop("proposer", "D01"))
    return response.propose(session, Proposal(**(values | more)), proposer=proposer)  # type: ignore[arg-type]


def sign(alert_id: int, *ids: str) -> None:
    """Submit by D01 if it must be, sign by these; write the notices after the last."""
    for id_ in ids:
        with db.transaction() as session:
            alert = response.load(session, alert_id)
            if alert.state == "proposed":
                response.submit(session, alert, session.get_one(Officer, "D01"))
            done = response.approve(session, alert, session.get_one(Officer, id_))
            rev = alert.in_force_rev
        if done:
            issuing.materialise(alert_id, rev)


def told(session: Session, alert_id: int) -> None:
    """Let the notices of an alert go their different ways, and some plants answer."""
    steps = (State.SENDING, State.ACCEPTED)
    for n, notice in enumerate(session.query(Notice).filter_by(alert_id=alert_id).order_by(Notice.id)):
        if n % 9 == 4:
            continue
        notice.accepted_at = clock.now()
        for step in steps:
            notice.state = step
            session.flush()
        notice.state = State.UNDELIVERED if notice.receiver[-2] in "37" else State.DELIVERED
        notice.error = "30005 空号" if notice.state == State.UNDELIVERED else ""
        notice.finished_at = clock.now()
    for n, receiver in enumerate(session.query(Receiver).filter_by(alert_id=alert_id).order_by(Receiver.id)):
        if n % 2 == 0 and receiver.people:
            receiver.acknowledged_rev, receiver.acknowledged_at = receiver.last_rev, clock.now()
        if n % 4 == 0:
            receiver.executed_at = clock.now()
        if n % 17 == 6:
            receiver.cannot = "焦炉保温,24 小时内无法降到规定负荷"
        if n % 7 == 5:
            receiver.chase_step = 1


EVIDENCE = {
    "window": ["2026-11-22T00:00:00+08:00", "2026-11-26T00:00:00+08:00"],
    "spells": [{"above": 200, "hours": 51, "from": "2026-11-22T20:00:00+08:00", "to": "2026-11-24T23:00:00+08:00"}],
    "valid_hours": 94, "missing_hours": 2, "leading_pollutant": "PM2.5",
}  # fmt: skip


def graded(code: str) -> Graded:
    return Graded(
        at=clock.now(), city=code, ruleset="national/2024", verdict="level", level=4, clause="AQI24>200 持续 48 小时",
        change="start", reason="预报", evidence=EVIDENCE, margin={"next_level": "red", "needs": "AQI24>300 持续 24 小时"},
    )  # fmt: skip


def fill(plants_wanted: int = 300, hours: int = 125) -> dict[str, int]:
    """Everything; the numbers of the alerts by what they are for."""
    codes = tuple(place.code for place in rulebook.cities())
    with db.transaction() as session:
        officers(session)
        plants(session, plants_wanted)
        air(session, hours)
        for code in codes[:3]:
            session.add(graded(code))
        session.add(
            Episode(
                region="2+36", opened_at=clock.now(), cities={code: {"level": 4, "since": ""} for code in codes[:9]}
            )
        )
        made = {
            "engine": propose(session, Level.ORANGE, codes[3:4], origin="engine", proposer="program", ruleset="national/2024",
                              clause="环大气〔2024〕6号 预测 AQI 日均值>200 将持续 48 小时及以上", evidence=EVIDENCE),
            "waiting": propose(session, Level.ORANGE, codes[:3]),
            "red": propose(session, Level.RED, codes[10:14]),
            "active": propose(session, Level.YELLOW, codes[14:24]),
            "held": propose(session, Level.ORANGE, codes[24:26]),
            "drill": propose(session, Level.ORANGE, codes[:2], mode=Mode.EXERCISE, origin="drill", proposer="X01"),
            "lifting": propose(session, Level.YELLOW, codes[26:28]),
            "dead": propose(session, Level.BLUE, codes[30:31]),
        }  # fmt: skip
        numbers = {name: alert.id for name, alert in made.items()}
        for name in ("waiting", "drill"):
            response.submit(session, made[name], session.get_one(Officer, "D01"))
        happened = {"learned_at": (clock.now() - timedelta(hours=1)).isoformat(), "deaths": 0, "sensitive": ["water_source"],
                    "possible_cross_boundary": "province", "river": {"name": "泃河", "km_to_boundary": 8}}  # fmt: skip
        numbers["incident"] = emergencies.report(
            session, happened, city="110000", title="平谷区泃河上游罐车侧翻,约 2 吨柴油入河", mode=Mode.ACTUAL,
            officer=session.get_one(Officer, "D01"),
        ).id  # fmt: skip
        response.retract(session, made["dead"], by="D01", reason="重复拟定")
    sign(numbers["red"], "S01", "L01")
    sign(numbers["active"], "S01")
    sign(numbers["held"], "S01", "S02")
    sign(numbers["lifting"], "S01")
    with db.transaction() as session:
        told(session, numbers["active"])
        told(session, numbers["red"])
        response.hold(
            session, response.load(session, numbers["held"]), session.get_one(Officer, "D01"), reason="城市范围有疑点"
        )
        grounds = {"observed": "近 24 小时 AQI 78", "forecast": "36 小时低于 100"}
        wanted = {"reason": "冷空气到达", "evidence": grounds}
        response.lift(session, response.load(session, numbers["lifting"]), by="D01", wanted=wanted)
    return numbers
