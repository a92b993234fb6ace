"""What did the carriers take? One line of JSON for each, in the file before anybody is told."""

import asyncio
import fcntl
import json
import os
import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from coordinator import clock
from coordinator.errors import Misconfigured

MARKER = re.compile(r"#([A-Z2-7]{8})(?![A-Z0-9])")
FROM_PHONES = ("reply", "keys")
Row = dict[str, Any]


class Ledger:
    """Append-only. Memory holds where each row is and whom it is to; the words stay in the file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise Misconfigured(f"台账 {path} 正被另一个模拟运营商使用;请先停止它,或用 --home 指定别的目录") from error
        self._offsets = array("q", [0])  # row n is the bytes [offsets[n], offsets[n + 1])
        self._by_address: dict[str, list[int]] = defaultdict(list)
        self._waiting: list[Row] = []
        self._written: asyncio.Future[None] | None = None
        self._read_back()

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def next_number(self) -> int:
        """The number the next row will have."""
        return len(self) + len(self._waiting)

    async def append(self, row: Row) -> None:
        """Returns once the row is with the operating system; rows of one turn of the event loop share one write."""
        if self._written is None:
            loop = asyncio.get_running_loop()
            self._written = loop.create_future()
            loop.call_soon(self._write)
        row["n"] = self.next_number()
        self._waiting.append(row)
        await asyncio.shield(self._written)

    def _write(self) -> None:
        rows, written = self._waiting, self._written
        self._waiting, self._written = [], None
        assert written is not None
        at, wall = clock.now().astimezone(clock.BEIJING).isoformat(timespec="milliseconds"), round(clock.wall(), 3)
        lines = [_line(row | {"at": at, "wall": wall}) for row in rows]
        try:
            _write_all(self._file, b"".join(lines), self._offsets[-1])
        except OSError as error:
            written.set_exception(error)
            return
        for row, line in zip(rows, lines, strict=True):
            self._index(row, len(line))
        written.set_result(None)

    def _index(self, row: Row, length: int) -> None:
        phone = row["from"] if row["channel"] in FROM_PHONES else row["to"]
        self._by_address[_key(row["channel"], row["account"], phone)].append(len(self))
        self._offsets.append(self._offsets[-1] + length)

    def _read_back(self) -> None:
        """After a restart: what was taken is still known; half a line at the end was never answered for."""
        with self.path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    os.ftruncate(self._file, self._offsets[-1])
                    return
                self._index(json.loads(line), len(line))

    def row(self, n: int) -> Row:
        start, end = self._offsets[n], self._offsets[n + 1]
        found: Row = json.loads(os.pread(self._file, end - start, start))
        return found

    def to(self, channel: str, account: str, address: str) -> list[int]:
        """Row numbers of what went to this address, oldest first."""
        return self._by_address.get(_key(channel, account, address), [])

    def newest_first(self, needles: Iterable[str] = ()) -> Iterator[Row]:
        """All rows whose line holds every needle, from the end; reads the file in large steps."""
        sought = [json.dumps(needle, ensure_ascii=False)[1:-1].encode() for needle in needles]
        offsets = self._offsets
        last = len(self)
        while last > 0:
            first = max(0, last - 2000)
            base = offsets[first]
            block = os.pread(self._file, offsets[last] - base, base)
            for n in range(last - 1, first - 1, -1):
                line = block[offsets[n] - base : offsets[n + 1] - base]
                if all(needle in line for needle in sought):
                    yield json.loads(line)
            last = first

    def close(self) -> None:
        os.close(self._file)


def marker(text: str) -> str:
    """The look-up mark in a text, or ""."""
    found = MARKER.search(text)
    return found[1] if found else ""


def _key(channel: str, account: str, address: str) -> str:
    return f"{channel} {account} {address}"


def _line(row: Row) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


def _write_all(file: int, octets: bytes, size: int) -> None:
    """All or nothing: a full disk leaves no half rows behind."""
    left = memoryview(octets)
    try:
        while left:
            left = left[os.write(file, left) :]
    except OSError:
        os.ftruncate(file, size)
        raise
