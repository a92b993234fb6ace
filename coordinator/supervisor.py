"""Roles as child processes: started together, restarted when one dies, stopped together."""

import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from coordinator import clock, db, queues
from coordinator.errors import Misconfigured

logger = logging.getLogger(__name__)
GRACE_S = 20.0
PAUSE_S = 2.0
CONFIGURATION = 78


@contextmanager
def only_one() -> Iterator[None]:
    """One `up` or `demo` a folder: a second start says so instead of disturbing the first."""
    path = db.home() / "up.lock"
    with path.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Misconfigured(
                f"{db.home()} 里已有一个正在运行的联动;请先停掉它,或用 LIANDONG_HOME 另选文件夹"
            ) from error
        yield


class Role:
    """One child process under our eye."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path | None) -> None:
        self.name, self.arguments, self.log = name, arguments, log
        self.child: subprocess.Popen[bytes] | None = None
        self.started, self.lives = 0.0, 0

    def start(self) -> None:
        command = [sys.executable, "-m", "coordinator.cli", *self.arguments]
        with (self.log / f"{self.name}.log").open("ab") if self.log else nullcontext() as log:
            self.child = subprocess.Popen(command, start_new_session=True, stdout=log, stderr=log)  # noqa: S603
        self.started, self.lives = clock.monotonic(), self.lives + 1

    def ended(self) -> int | None:
        return self.child.poll() if self.child else None

    def tell(self, sign: int) -> None:
        if self.child and self.child.poll() is None:
            self.child.send_signal(sign)


def run(roles: Mapping[str, Sequence[str]], *, also: threading.Thread | None = None, log: Path | None = None) -> int:
    """Keep every role alive until SIGINT or SIGTERM. The exit code: 0, or 78 when a role refuses its configuration.

    Only a first start can refuse it: the settings don't change after, so a role that says so when it is started again
    found a store away, and is tried until it is back.
    With ``log`` each role writes its lines into a file of that folder, else to this process's own stderr.
    """
    stopping = threading.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: stopping.set())
    queues.ensure()
    children = [Role(name, arguments, log) for name, arguments in roles.items()]
    for role in children:
        role.start()
    if also:
        also.start()
    code = 0
    while not stopping.wait(0.5):
        for role in children:
            ended = role.ended()
            if ended == CONFIGURATION and role.lives == 1:
                code = CONFIGURATION
                stopping.set()
            elif ended is not None and clock.monotonic() - role.started > PAUSE_S:
                logger.error("%s ended with %s and is started again", role.name, ended)
                role.start()
    _stop(children)
    queues.stop()
    return code


def _stop(children: Sequence[Role]) -> None:
    """Ask first, insist later."""
    for role in children:
        role.tell(signal.SIGTERM)
    until = clock.monotonic() + GRACE_S
    for role in children:
        if role.child is None:
            continue
        try:
            role.child.wait(max(0.1, until - clock.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(role.child.pid, signal.SIGKILL)
            role.child.wait()
