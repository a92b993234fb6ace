"""The stream that tells open pages when to look again."""

import threading
import time
from collections.abc import Iterator

from flask import Response, request
from flask.typing import ResponseReturnValue

from coordinator import clock
from coordinator.web import auth
from coordinator.web.door import desk
from coordinator.web.looks import stamp

LASTS_S = 300.0  # then the browser comes again, and who it is is asked again
PULSE_S = 15.0
PLACES = threading.BoundedSemaphore(8)  # streams hold a thread each; the rest of the pages ask now and then


@desk.get("/live")
@auth.may("read")
def live() -> ResponseReturnValue:
    if not PLACES.acquire(blocking=False):
        return "", 204  # tells the browser not to come back; live.js then asks by itself
    answer = Response(_events(request.args.get("from", "")), content_type="text/event-stream; charset=utf-8")
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(PLACES.release)
    return answer


def _events(seen: str) -> Iterator[str]:
    ends = clock.monotonic() + LASTS_S
    pulse = clock.monotonic() + PULSE_S
    yield "retry: 3000\n\n"
    while clock.monotonic() < ends:
        found = stamp.shared()
        if found != seen:
            seen = found
            yield f"event: change\ndata: {found}\n\n"
        elif clock.monotonic() > pulse:
            pulse = clock.monotonic() + PULSE_S
            yield ": here\n\n"
        time.sleep(stamp.EVERY_S)
