"""Where is a file kept between being shown and being written?"""

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from coordinator import clock, db
from coordinator.errors import Refusal

KEPT_S = 6 * 3600.0
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file under its digest, with the name the clerk gave it."""

    key: str
    path: Path


def _folder() -> Path:
    made = db.home() / "uploads"
    made.mkdir(mode=0o700, exist_ok=True)
    return made


def keep(stream: IO[bytes], name: str) -> Upload:
    """Put the file aside; files of earlier hours go."""
    content = stream.read()
    if not content:
        raise Refusal("文件是空的")
    _forget_old()
    key = hashlib.sha256(content).hexdigest()
    folder = _folder() / key
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    path = folder / (re.sub(r"[^\w.()()-]", "_", Path(name).name)[-80:].lstrip(".") or "list.csv")
    path.write_bytes(content)
    return Upload(key, path)


def _forget_old() -> None:
    for folder in _folder().iterdir():
        if clock.wall() - folder.stat().st_mtime > KEPT_S:
            shutil.rmtree(folder, ignore_errors=True)


def found(key: str) -> Upload:
    """The file shown before; Refusal when it is no longer there."""
    folder = _folder() / key
    if not _KEY.fullmatch(key) or not folder.is_dir():
        raise Refusal("刚才的文件已不在，请重新上传")
    return Upload(key, next(folder.iterdir()))
