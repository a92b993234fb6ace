"""Voice calls 语音 through Twilio: the notice is read out, keys acknowledge it."""

from collections.abc import Mapping

from twilio.twiml.voice_response import Gather, VoiceResponse  # type: ignore[import-untyped]

from coordinator.channels import Account, Envelope, Handed, Terms, twilio_account
from coordinator.errors import Refusal, TryLater

KIND = "voice"
LOOK_UP = False  # a call's record carries no words of ours; its callbacks carry our attempt id
RECEIPTS = True
BEGINS = True

# A call that was answered was heard by someone or something: that is "sent". Only keys pressed say more.
STATUS = {
    "queued": "accepted",
    "initiated": "accepted",
    "ringing": "accepted",
    "in-progress": "sent",
    "answered": "sent",
    "completed": "sent",
    "busy": "undelivered",
    "no-answer": "undelivered",
    "failed": "failed",
    "canceled": "failed",
}
RANK = {"accepted": 0, "sent": 1, "delivered": 2, "undelivered": 2, "failed": 2}
EVENTS = ["initiated", "ringing", "answered", "completed"]

DIGITS = 3  # 1, then the last two of the alert's number: call screening robots press 1 too
PAUSE_S, RINGING_S, TIMES_READ = 10, 45, 3


def accounts(environ: Mapping[str, str]) -> tuple[Account, ...]:
    """Those that have a number to call from; a messaging service can't call."""
    return tuple(account for account in twilio_account.accounts(environ, twilio_account.REAL) if account["from"])


def drill_accounts(environ: Mapping[str, str]) -> tuple[Account, ...]:
    return tuple(account for account in twilio_account.accounts(environ, twilio_account.DRILL) if account["from"])


def terms(account: Account) -> Terms:
    return Terms(
        provider="twilio", idempotent=False, look_up=LOOK_UP, receipts=RECEIPTS, expires=False, free_text=True
    )  # fmt: skip


def receipt(form: Mapping[str, str]) -> tuple[str, str]:
    """The carrier's callback as (its reference, its word for the state)."""
    reference, word = form.get("CallSid"), form.get("CallStatus")
    if not reference or not word:
        raise Refusal("回执缺少 CallSid 或 CallStatus")
    return reference, word


def error_code(form: Mapping[str, str]) -> str:
    """Why it wasn't connected, or ""."""
    return form.get("ErrorCode", "") or form.get("SipResponseCode", "")


def script(text: str, answer_to: str) -> str:
    """What the call says, and where the keys go, as TwiML."""
    gather = Gather(input="dtmf", num_digits=DIGITS, timeout=PAUSE_S, action=answer_to, method="POST")
    for _ in range(TIMES_READ):
        gather.say(text, language="zh-CN")
        gather.pause(length=1)
    spoken = VoiceResponse()
    spoken.append(gather)
    return str(spoken)


class Carrier:
    """One account, one event loop."""

    def __init__(self, account: Account, public_base_url: str) -> None:
        self._client = twilio_account.Dialled(account)
        self._public = public_base_url
        self._calls = self._client.api.v2010.account.calls
        self._from = account["from"]

    async def send(self, envelope: Envelope) -> Handed:
        twilio_account.BEGIN.set(envelope.begin)
        return await twilio_account.handed(
            self._calls.create_async(
                to=envelope.address,
                from_=self._from,
                twiml=script(envelope.text, twilio_account.hook(self._public, "voice", envelope)),
                timeout=RINGING_S,
                status_callback=twilio_account.hook(self._public, "status", envelope),
                status_callback_event=EVENTS,
            )
        )

    async def look_up(self, address: str, marker: str) -> str:
        raise TryLater("语音通话记录不带文字,无法按标记查询")

    async def status(self, reference: str) -> str:
        return await twilio_account.status(self._calls.get(reference))

    async def close(self) -> None:
        await self._client.http_client.close()
