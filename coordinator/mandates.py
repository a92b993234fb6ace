"""Who may do what 权限: roles, places, and how many signatures an act needs."""

from collections.abc import Collection
from dataclasses import dataclass

from contacts import roster
from contacts.models import Officer
from coordinator.errors import Forbidden
from rules.levels import Level

MAY = {
    "propose": ("duty",),
    "sign": ("signer", "leader"),
    "hold": ("duty", "signer", "leader"),
    "import": ("clerk",),
    "drill": ("director",),
    "report": ("duty", "signer", "leader"),
    "answer": ("duty", "clerk"),
    "requeue": ("duty",),
    "feed": ("duty", "clerk"),
    "read": ("duty", "signer", "leader", "clerk", "director", "auditor"),
}
SAYS = {
    "propose": "拟定、提交、申请变更",
    "sign": "签发",
    "hold": "暂停发送",
    "import": "导入名单",
    "drill": "组织演练",
    "report": "报告突发事件",
    "answer": "代为登记答复",
    "requeue": "重新派发",
    "feed": "上报监测与预报",
    "read": "查看",
}
ROLES = {
    "duty": "值班员",
    "signer": "签发人",
    "leader": "领导",
    "clerk": "名单员",
    "director": "导演",
    "auditor": "审计",
}


def require(officer: Officer, act: str) -> None:
    """Raise Forbidden unless this officer's role carries this act."""
    if officer.role not in MAY[act]:
        who = "、".join(ROLES[role] for role in MAY[act])
        raise Forbidden(f"{ROLES.get(officer.role, officer.role)}不能{SAYS[act]};请由{who}办理")


def covers(officer: Officer, city: str) -> bool:
    """Whether the officer's mandate holds this city; a province's code holds its cities."""
    return roster.covers(officer.cities, city)


def require_places(officer: Officer, cities: Collection[str]) -> None:
    """Raise Forbidden unless the mandate holds every city."""
    outside = [city for city in cities if not covers(officer, city)]
    if outside:
        raise Forbidden(f"{officer.name}的辖区不含 {'、'.join(outside[:5])};请由当地或上级人员办理")


@dataclass(frozen=True, slots=True)
class Need:
    """How many distinct people must sign beyond the proposer, and whether a leader is among them."""

    people: int
    leaders: int

    def met_by(self, roles: Collection[str]) -> bool:
        return len(roles) >= self.people and sum(role == "leader" for role in roles) >= self.leaders


def need(change: str, level: Level) -> Need:
    """CONTRACT: pre, blue, yellow 1; orange 2; red 2 with a leader; downgrade, lift, release 2; retract 1."""
    if change == "retract":
        return Need(1, 0)
    if change in ("lift", "downgrade", "release"):
        return Need(2, 0)
    if level >= Level.RED:
        return Need(2, 1)
    return Need(2, 0) if level >= Level.ORANGE else Need(1, 0)
