"""A process died and left its journal, or lost it: what it had not begun goes back, what it may have sent is asked about."""

import asyncio
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coordinator import dispatch, journal, sweeps
from coordinator.channels import Handed
from coordinator.dispatch import Claimed
from coordinator.models import State
from tests.coordinator.conftest import issued
from tests.coordinator.test_dispatch import way
from tests.faults.ground import (
    books_close,
    crowd,
    nothing_lost_or_repeated,
    settled,
    states,
    taken,
    until,
    worker_inside,
)  # fmt: skip

PLANTS = 30
Parts = tuple[list[Claimed], list[Claimed], list[Claimed]]


class Dead:
    """A process that claimed all, handed the first third over and wrote how that ended, began the second, died."""

    def __init__(self) -> None:
        self.journal = journal.Journal()
        sms = way("sms")
        claimed = dispatch.claim(sms, sms.accounts[0])
        self.ended, self.begun, self.waiting = claimed[::3], claimed[1::3], claimed[2::3]
        self.page = self.journal.open(
            {"channel": "sms", "account": sms.accounts[0].name,
             "claimed": [[one.id, one.token, one.tries, one.address] for one in claimed]}
        )  # fmt: skip
        asyncio.run(self._send(sms))
        os.close(self.page._file)
        self.journal._held.close()  # the kernel lets go of the lock, as at any death

    async def _send(self, sms: dispatch.Way) -> None:
        carrier = sms.module.Carrier(sms.accounts[0], "http://127.0.0.1:9")
        for one in (*self.ended, *self.begun):
            handed: Handed = await dispatch.hand_over(sms, carrier, one, begin=lambda one=one: self.page.begun(one.id))  # type: ignore[misc]
            if one in self.ended:
                self.page.ended(one.id, handed)
        await carrier.close()

    @property
    def path(self) -> Path:
        return self.page._path


@pytest.fixture
def dead(store: Path, carriers: Any) -> Dead:
    crowd(PLANTS)
    issued()
    return Dead()


@pytest.fixture
def judged(store: Path, carriers: Any) -> Iterator[None]:
    """Whatever happened to the journal: in the end the ledger has each once, and the books close."""
    yield
    with worker_inside():
        settled(State.SENDING, State.UNCERTAIN)
    nothing_lost_or_repeated(store, PLANTS)
    assert not list(journal.folder().iterdir())


def test_what_ended_is_settled_what_had_begun_is_in_doubt_and_the_rest_goes_back(judged: None, dead: Dead) -> None:
    sweeps.take_over()

    assert states() == {"accepted": len(dead.ended), "uncertain": len(dead.begun), "pending": len(dead.waiting)}
    books_close()


def test_a_journal_of_a_living_process_is_left_alone(store: Path, carriers: Any) -> None:
    crowd(2)
    issued()
    living, sms = journal.Journal(), way("sms")
    claimed = dispatch.claim(sms, sms.accounts[0])
    living.open({"channel": "sms", "account": "twilio", "claimed": [[one.id, one.token, 1, ""] for one in claimed]})

    sweeps.take_over()

    assert states() == {"sending": 2}


def _lost(path: Path) -> None:
    for file in path.parent.iterdir():
        file.unlink()


def _spoilt(path: Path) -> None:
    """Two lines became one, as when a disk was full between them."""
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:-3], lines[-3][:7] + lines[-2], b""]))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [_lost, _spoilt, _empty], ids=["lost", "spoilt", "emptied"])
def test_a_journal_that_is_gone_or_spoilt_puts_all_of_the_claim_in_doubt(
    judged: None, dead: Dead, harm: Callable[[Path], None]
) -> None:
    harm(dead.path)

    sweeps.take_over()

    assert states().get("pending") is None, "something that may have been sent was called never begun"


def test_after_the_machine_lost_its_power_what_the_journal_does_not_say_proves_nothing(
    judged: None, dead: Dead, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last lines were with the operating system, not on the disk."""
    lines = dead.path.read_bytes().split(b"\n")
    dead.path.write_bytes(b"\n".join([*lines[: len(lines) // 2], b""]))
    with monkeypatch.context() as patch:
        patch.setattr(journal, "boot", lambda: "the next start of the machine")
        sweeps.take_over()

    assert states().get("pending") is None
    assert states()["accepted"] <= len(dead.ended)


def full(file: int, octets: Any) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_journal_sends_nothing_says_so_and_goes_on_when_there_is_room(
    store: Path, carriers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    crowd(PLANTS)
    issued()
    files = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.MonkeyPatch.context() as disk, worker_inside():
        disk.setattr(journal.os, "write", _only_elsewhere(os.write))
        until(lambda: "the journal can not be written" in caplog.text)
        until(lambda: caplog.text.count("the journal can not be written") > 3)
        assert not taken(store)
        assert len(list(journal.folder().glob("*.page"))) <= 1
        assert len(list(Path("/proc/self/fd").iterdir())) < files + 60, "files stay open"
        disk.undo()
        settled(State.PENDING)

    assert states() == {"accepted": PLANTS}
    nothing_lost_or_repeated(store, PLANTS)


def _only_elsewhere(write: Callable[[int, bytes], int]) -> Callable[[int, bytes], int]:
    """The journal's disk is full; others are not."""

    def tried(file: int, octets: bytes) -> int:
        return (
            full(file, octets) if "/journal/" in str(Path(f"/proc/self/fd/{file}").readlink()) else write(file, octets)
        )

    return tried


def test_half_a_line_on_a_full_disk_does_not_hide_the_next(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = journal.Journal().open({"channel": "sms", "account": "twilio", "claimed": [[1, 1, 1, ""], [2, 1, 1, ""]]})
    whole = os.write
    monkeypatch.setattr(journal.os, "write", lambda file, octets: whole(file, octets[:7]))
    with pytest.raises(OSError, match="full"):
        page.begun(1)
    monkeypatch.undo()
    page.begun(2)

    found = journal._read(page._path)

    assert found is not None
    assert found.begun == {2}
