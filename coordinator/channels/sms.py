"""SMS 短信 through Twilio, and through Aliyun in mainland China. Which account carries what: `routes`."""

import os
from collections.abc import Mapping

from coordinator.channels import Account, Envelope, Handed, Terms, aliyun_account, routes, twilio_account
from coordinator.errors import Refusal

KIND = "sms"
LOOK_UP = True
RECEIPTS = True
BEGINS = True

# Carrier's word → ours. Callbacks come in any order: take one only when its RANK is above what is stored.
STATUS = {
    "scheduled": "accepted",
    "accepted": "accepted",
    "queued": "accepted",
    "sending": "accepted",
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "failed": "failed",
    "canceled": "failed",
}
RANK = {"accepted": 0, "sent": 1, "delivered": 2, "undelivered": 2, "failed": 2}

LATER = frozenset({"30001", "30002", "30003", "30008", "30017", "30022"})  # one retry after 10 min, other channel now
FILTERED = "30007"  # the carrier's filter: stop this wording, page a person; every other code is final
STOPPED = "21610"  # the receiver answered STOP: no more SMS to this number

LONGEST_VALID_S = 36_000


def accounts(environ: Mapping[str, str]) -> tuple[Account, ...]:
    """Primary first, then the second provider, then the domestic one."""
    found = (*twilio_account.accounts(environ, twilio_account.REAL), *aliyun_account.accounts(environ))
    routes.check(found, environ)
    return found


def drill_accounts(environ: Mapping[str, str]) -> tuple[Account, ...]:
    return twilio_account.accounts(environ, twilio_account.DRILL)


def terms(account: Account) -> Terms:
    return (
        aliyun_account.terms(account)
        if account.name == aliyun_account.NAME
        else twilio_account.terms(account, os.environ)
    )


def receipt(form: Mapping[str, str]) -> tuple[str, str]:
    """The carrier's callback as (its reference, its word for the state)."""
    if "biz_id" in form:
        return aliyun_account.receipt(form)
    reference, word = form.get("MessageSid") or form.get("SmsSid"), form.get("MessageStatus") or form.get("SmsStatus")
    if not reference or not word:
        raise Refusal("回执缺少 MessageSid 或 MessageStatus")
    return reference, word


def error_code(form: Mapping[str, str]) -> str:
    """Why it wasn't delivered, or ""."""
    return form.get("ErrorCode", "") or ("" if form.get("success") == "true" else form.get("err_code", ""))


def Carrier(account: Account, public_base_url: str) -> "Texts | aliyun_account.Texts":  # noqa: N802 - as on every channel
    """One account, one event loop."""
    if account.name == aliyun_account.NAME:
        return aliyun_account.Texts(account)
    return Texts(account, public_base_url)


class Texts:
    """A Twilio account's way out."""

    def __init__(self, account: Account, public_base_url: str) -> None:
        self._client = twilio_account.Dialled(account)
        self._public = public_base_url
        self._messages = self._client.api.v2010.account.messages
        sender = "messaging_service_sid" if account["service"] else "from_"
        self._sender = {sender: account["service"] or account["from"]}

    async def send(self, envelope: Envelope) -> Handed:
        twilio_account.BEGIN.set(envelope.begin)
        return await twilio_account.handed(
            self._messages.create_async(
                to=envelope.address,
                body=envelope.text,
                validity_period=max(1, min(envelope.valid_s, LONGEST_VALID_S)),
                status_callback=twilio_account.hook(self._public, "status", envelope),
                **self._sender,
            )
        )

    async def look_up(self, address: str, marker: str) -> str:
        newest = twilio_account.NEWEST
        listed = await twilio_account.asked(self._messages.list_async(to=address, limit=newest, page_size=newest))
        return next((str(message.sid) for message in listed if marker in (message.body or "")), "")

    async def status(self, reference: str) -> str:
        return await twilio_account.status(self._messages.get(reference))

    async def close(self) -> None:
        await self._client.http_client.close()
