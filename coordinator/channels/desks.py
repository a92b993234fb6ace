"""值班台: desks that are paged as a whole, beside the officers on duty: a chat group, another system's webhook.

``DUTY_CHAT_URLS`` and ``DUTY_WEBHOOK_URLS`` hold ``名称=网址`` separated by commas; with ``DRILL_`` for drills.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from coordinator.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Desk:
    """``address`` is what a notice to it keeps: a webhook's URL, a chat group's name."""

    name: str
    channel: str
    address: str

    @property
    def id(self) -> str:
        """As a receiver of notices."""
        return f"desk:{self.channel}:{self.name}"


def read(environ: Mapping[str, str], prefix: str = "") -> tuple[Desk, ...]:
    """The desks that are set up, for real or (``DRILL_``) for drills."""
    chats = listed(environ, f"{prefix}DUTY_CHAT_URLS")
    hooks = listed(environ, f"{prefix}DUTY_WEBHOOK_URLS")
    return (
        *(Desk(name, "chat", name) for name in chats),
        *(Desk(name, "webhook", url) for name, url in hooks.items()),
    )


def listed(environ: Mapping[str, str], setting: str) -> dict[str, str]:
    """名称 → 网址; raises Misconfigured for an entry without a name, or a name given twice."""
    found: dict[str, str] = {}
    for entry in filter(None, map(str.strip, environ.get(setting, "").split(","))):
        name, separator, url = entry.partition("=")
        if not separator or not name.strip() or "://" not in url or "://" in name or name.strip() in found:
            raise Misconfigured(f"{setting}: 每项应写作 名称=网址,名称不重复,多项以逗号分开;有一项是“{entry[:12]}…”")
        found[name.strip()] = url.strip()
    return found
