"""A file under rules/sets, read: what can't be is a fault of the installation, said by name."""

import tomllib
from pathlib import Path
from typing import Any

import rules
from coordinator.errors import Misconfigured

SETS = Path(next(iter(rules.__path__))) / "sets"


def read(path: Path) -> dict[str, Any]:
    """A TOML file under rules/sets; what can't be read is a fault of the installation."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Misconfigured(f"规则文件 {path.relative_to(SETS)} 不在安装包中,请重新安装") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"规则文件 {path.relative_to(SETS)} 不是合法的 TOML:{error}") from error
