"""How does a carrier call our web back? Signed with the account's token, several times when nobody answers."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import aiohttp
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from coordinator.simulator.subscribers import Subscriber

logger = logging.getLogger(__name__)

PATIENCE_S = 15  # as long as Twilio waits for an answer


@dataclass(frozen=True, slots=True)
class Answered:
    """``status`` 0: nobody there."""

    status: int
    body: str

    @property
    def lost(self) -> bool:
        """Worth another try: nobody was there, or the web was in trouble."""
        return self.status == 0 or self.status >= 500


@cache
def _signer(token: str) -> RequestValidator:
    return RequestValidator(token)


class Line:
    """The carrier's way to webhooks."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, form: Mapping[str, str], subscriber: Subscriber) -> Answered:
        """One POST; trouble is an answer too."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=64), timeout=aiohttp.ClientTimeout(total=PATIENCE_S)
            )
        headers = {"X-Twilio-Signature": _signer(subscriber.token).compute_signature(url, form)}
        try:
            async with self._session.post(url, data=form, headers=headers, allow_redirects=False) as answer:
                return Answered(answer.status, await answer.text(errors="replace"))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            logger.debug("webhook not reached: %s", type(error).__name__)
            return Answered(0, "")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
