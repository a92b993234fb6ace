"""What this process has begun and how it ended, in files that outlive it.

The database knows what was claimed; only the process knows what of it the carrier may have. A process that is killed
leaves this to be read by the next on the same machine: what was not begun goes back at once, what ended is settled,
and only what was begun without an end is in doubt. A file that is lost costs no safety: leases run out, and everything
of that claim is in doubt. So it is for a page with a spoilt line, and for one from before the machine last started: its
last lines may have been in memory only.
"""

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from coordinator import db
from coordinator.channels import Handed, Outcome

BOOT = Path("/proc/sys/kernel/random/boot_id")


@cache
def boot() -> str:
    """Which start of this machine it is, a new word for each; where that can't be told, each process is a start."""
    try:
        return BOOT.read_text().strip()
    except OSError:
        return uuid.uuid4().hex


def folder() -> Path:
    """Where this installation's journals lie; made when missing."""
    made = db.home() / "journal"
    made.mkdir(exist_ok=True)
    return made


class Page:
    """The journal of one claim. Each line is with the operating system before the next step is taken."""

    def __init__(self, path: Path, claim: dict[str, Any]) -> None:
        self._path = path
        self._ends = b""  # not yet written: they go with the next beginning
        self._turn = Lock()  # some carriers are spoken to from threads
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = 0
        try:
            self._line(claim)
        except OSError:
            self.close()
            raise

    def begun(self, notice_id: int) -> None:
        """Raises OSError when it can not be written down: then it must not be begun."""
        self._line({"begun": notice_id})

    def ended(self, notice_id: int, handed: Handed) -> None:
        """Written along with the next beginning: a death in between leaves one hand-over more in doubt."""
        how = (handed.outcome.value, handed.reference, handed.code, handed.detail)
        with self._turn:
            self._ends += _octets({"ended": notice_id, "how": how})

    def _line(self, said: dict[str, Any]) -> None:
        with self._turn:
            octets, self._ends = self._ends + _octets(said), b""
        if os.write(self._file, octets) != len(octets):
            os.ftruncate(self._file, self._size)  # half a line would spoil the next one
            raise OSError("the journal's disk is full")
        self._size += len(octets)

    def close(self) -> None:
        """All of it is settled in the database."""
        os.close(self._file)
        with suppress(OSError):
            self._path.unlink()


def _octets(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


class Journal:
    """The journal of this process: alive as long as the lock on its own file is held."""

    def __init__(self) -> None:
        self._name = uuid.uuid4().hex
        self._lock = folder() / f"{self._name}.lock"
        unseen = self._lock.with_suffix(".new")  # until it is held: a lock that can be seen free means a death
        self._held = unseen.open("w")
        fcntl.flock(self._held, fcntl.LOCK_EX)
        unseen.rename(self._lock)
        self._pages = 0

    def open(self, claim: dict[str, Any]) -> Page:
        """A page for one claim. Raises OSError when the disk takes none."""
        self._pages += 1
        return Page(folder() / f"{self._name}.{self._pages}.page", claim | {"boot": boot()})

    def close(self) -> None:
        """At an orderly end. Pages that could not be settled stay, with the lock, for the next to read."""
        with suppress(OSError):
            if not any(folder().glob(f"{self._name}.*.page")):
                self._lock.unlink()
        self._held.close()


@dataclass(slots=True)
class Found:
    """A dead process's page: its claim, and by notice what is known of it."""

    claim: dict[str, Any]
    begun: set[int] = field(default_factory=set)
    ended: dict[int, Handed] = field(default_factory=dict)


def left_behind() -> Iterator[list[Found]]:
    """The pages of each dead process, one process at a time; removed once the caller is through with them."""
    for path in folder().glob("*.lock"):
        with suppress(FileNotFoundError), path.open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # it lives
            pages = sorted(folder().glob(f"{path.stem}.*.page"))
            yield [found for page in pages if (found := _read(page)) is not None]
            for page in pages:
                page.unlink(missing_ok=True)
            path.unlink(missing_ok=True)


def _read(page: Path) -> Found | None:
    """Half a line at the end was never acted upon; of a page that can't be trusted everything was begun."""
    found: Found | None = None
    whole = True
    for line in page.read_bytes().split(b"\n")[:-1]:
        try:
            found = _noted(found, json.loads(line))
        except (ValueError, KeyError, TypeError):
            whole = False
    if found and not (whole and found.claim["boot"] == boot()):
        found.begun.update(one[0] for one in found.claim["claimed"])
    return found


def _noted(found: Found | None, said: dict[str, Any]) -> Found:
    if found is None:
        return Found({name: said[name] for name in ("channel", "account", "claimed", "boot")})
    if "begun" in said:
        found.begun.add(said["begun"])
    else:
        word, *rest = said["how"]
        found.ended[said["ended"]] = Handed(Outcome(word), *rest)
    return found
