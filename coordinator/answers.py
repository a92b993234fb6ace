"""签收与反馈: what receivers answer, by link, SMS, key or through the desk. Opening a page is not an answer."""

import hmac
import unicodedata
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import Officer
from coordinator import audit, clock, mandates, tokens
from coordinator.errors import CoordinatorError, NotFound, Refusal
from coordinator.models import Alert, AlertState, Answer, Notice, Receiver

KINDS = ("acknowledge", "executing", "cannot", "already_down", "done")
FORGIVEN = 5
LOCKED_FOR = timedelta(minutes=15)
GOOD_FOR = timedelta(days=7)  # after the alert has closed


class WrongCode(CoordinatorError):
    """签收码不对:请核对短信里“签收码”后面的四位数字。"""

    http_status = 422
    title = "签收码不对 Wrong code"


class Locked(CoordinatorError):
    """输错次数过多,此页暂停 15 分钟;急事请拨打值班电话。"""

    http_status = 429
    title = "暂停签收 Locked"


class Gone(CoordinatorError):
    """这个链接已过期。"""

    http_status = 410
    title = "链接已过期 Link expired"


def find(session: Session, token: str) -> Receiver:
    """The receiver behind a link, locked for this transaction."""
    query = select(Receiver).where(Receiver.token_hash == tokens.digest(token)).with_for_update()
    receiver = session.scalar(query)
    if receiver is None:
        raise NotFound("没有找到这份通知:请核对邮件里的网址是否完整,或拨打值班电话")
    alert = session.get(Alert, receiver.alert_id) if receiver.alert_id else None
    if alert and alert.state == AlertState.CLOSED and alert.ended_at and clock.now() > alert.ended_at + GOOD_FOR:
        raise Gone("这份通知已归档,链接不再有效")
    return receiver


def view(session: Session, receiver: Receiver) -> None:
    """Note that the page was opened. Mail scanners open links too, so this means nothing more."""
    receiver.viewed_at = receiver.viewed_at or clock.now()


def acknowledge(session: Session, receiver: Receiver, *, code: str, by: str, channel: str) -> bool:
    """签收 with the four digits. Right code: acknowledged, once. Wrong: WrongCode; the sixth wrong try locks the page.

    Returns True when the code was right. A wrong try is written down, so the caller must commit
    before it tells: hence the exceptions come from `check`, called after the transaction.
    """
    now = clock.now()
    if receiver.locked_until and now < receiver.locked_until:
        return False
    if receiver.locked_until:
        receiver.locked_until, receiver.wrong_tries = None, 0
    digits = plain_digits(code)
    if not digits:
        return False
    if not hmac.compare_digest(digits.encode(), receiver.code.encode()):
        receiver.wrong_tries += 1
        if receiver.wrong_tries > FORGIVEN:
            receiver.locked_until = now + LOCKED_FOR
        return False
    receiver.wrong_tries = 0
    accept(session, receiver, by=by, channel=channel)
    return True


def refusal(receiver: Receiver, code: str) -> CoordinatorError:
    """Why a try to acknowledge did not succeed, as the error to raise once the try is written down."""
    if receiver.locked_until and clock.now() < receiver.locked_until:
        until = f"{receiver.locked_until.astimezone(clock.BEIJING):%H:%M}"
        return Locked(f"签收码输错次数过多,此页暂停到 {until};急事请拨打值班电话")
    if not plain_digits(code):
        return Refusal("请输入短信里“签收码”后面的四位数字")
    left = FORGIVEN - receiver.wrong_tries
    return WrongCode(f"签收码不对,还可以再试 {left} 次" if left > 0 else "签收码不对;再错一次此页将暂停 15 分钟")


def plain_digits(code: str) -> str:
    """The digits of what was typed: full width becomes half, blanks don't count."""
    return "".join(unicodedata.normalize("NFKC", code).split())


def accept(session: Session, receiver: Receiver, *, by: str, channel: str, words: str = "") -> None:
    """Write an acknowledgement. The first counts; later ones are kept as answers."""
    session.add(_answer(receiver, kind="acknowledge", channel=channel, by=by, words=words))
    if receiver.acknowledged_rev < receiver.last_rev:
        receiver.acknowledged_rev, receiver.acknowledged_at, receiver.chase_at = receiver.last_rev, clock.now(), None


def answer(session: Session, receiver: Receiver, *, kind: str, by: str, channel: str, words: str = "") -> None:
    """反馈: carrying out, cannot because, already down, done. An answer also shows that the order was received."""
    if kind not in KINDS:
        raise Refusal(f"kind: 不认识“{kind}”;可用 {'、'.join(KINDS)}")
    if kind == "cannot" and not words.strip():
        raise Refusal("words: 不能执行须写明原因,以便值班员处理")
    if receiver.acknowledged_rev < receiver.last_rev:
        accept(session, receiver, by=by, channel=channel)
    if kind == "acknowledge":
        return
    session.add(_answer(receiver, kind=kind, channel=channel, by=by, words=words))
    if kind == "cannot":
        receiver.cannot, receiver.executed_at = words.strip(), None
    else:
        receiver.cannot = ""
        receiver.executed_at = receiver.executed_at or clock.now()


def on_behalf(
    session: Session, notice: Notice, officer: Officer, *, kind: str, caller: str, words: str = ""
) -> Receiver:
    """The desk writes down what somebody said on the phone, and who rang."""
    mandates.require(officer, "answer")
    if notice.city:
        mandates.require_places(officer, [notice.city])
    if not caller.strip():
        raise Refusal("caller: 请写明来电人")
    receiver = of_notice(session, notice)
    answer(session, receiver, kind=kind, by=f"{caller.strip()}(值班员 {officer.id} 代记)", channel="desk", words=words)
    audit.record(session, officer.id, f"answer {kind}", f"notice:{notice.id}", caller=caller, words=words)
    return receiver


def of_notice(session: Session, notice: Notice) -> Receiver:
    """Whose notice this is."""
    subject = Receiver.incident_id == notice.incident_id if notice.incident_id else Receiver.alert_id == notice.alert_id
    receiver = session.scalar(select(Receiver).where(subject, Receiver.key == notice.receiver).with_for_update())
    if receiver is None:
        raise NotFound("这条通知没有收件单位(是给签发人的提醒)")
    return receiver


def by_sms(session: Session, sender: str, text: str) -> str:
    """A texted reply: 签收1234, 1 1234 or 1234 acknowledges. Gives back what to reply: ok, which, none, wrong."""
    digits = plain_digits(text).removeprefix("签收码").removeprefix("签收")
    digits = digits[1:] if len(digits) == 5 and digits[0] == "1" else digits
    receivers = _open_for(session, sender)
    if not receivers:
        return "none"
    matching = [receiver for receiver in receivers if hmac.compare_digest(receiver.code.encode(), digits.encode())]
    if not matching:
        return "which" if len(receivers) > 1 or digits in ("1", "") else "wrong"
    for receiver in matching:
        acknowledge(session, receiver, code=digits, by=sender, channel="sms")
    return "ok"


def by_keys(session: Session, notice: Notice, digits: str) -> bool:
    """Keys on the phone: 1, then the last two digits of the notice's number, so that no robot acknowledges."""
    if digits != f"1{notice.number[-2:]}":
        return False
    accept(session, of_notice(session, notice), by=notice.person, channel="key")
    return True


def _open_for(session: Session, sender: str) -> list[Receiver]:
    """Receivers of alerts still in force that were written to at this number."""
    query = (
        select(Receiver)
        .join(Notice, (Notice.alert_id == Receiver.alert_id) & (Notice.receiver == Receiver.key))
        .join(Alert, Alert.id == Receiver.alert_id)
        .where(Notice.address == sender, Alert.ended_at.is_(None))
        .distinct()
    )
    return list(session.scalars(query))


def _answer(receiver: Receiver, *, kind: str, channel: str, by: str, words: str) -> Answer:
    return Answer(
        alert_id=receiver.alert_id,
        incident_id=receiver.incident_id,
        receiver=receiver.key,
        rev=receiver.last_rev,
        kind=kind,
        channel=channel,
        by=by[:200],
        words=words[:2000],
        answered_at=clock.now(),
    )


def answered_at(receiver: Receiver) -> datetime | None:
    """When this revision was acknowledged; None while it is not."""
    return receiver.acknowledged_at if receiver.acknowledged_rev >= receiver.last_rev else None
