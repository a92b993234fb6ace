"""What do the smaller lists say: contacts 联系人, officers 值班人员, shifts 班次, stations 站点?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from contacts import addresses, cells, places
from contacts.columns import CONTACTS, OFFICERS, SHIFTS, STATIONS, Form
from contacts.complaints import Complaints
from contacts.credit_codes import credit_code
from contacts.records import Record, open_register, optional, taken

Draft = dict[str, Any]
Tick = Callable[[int], None]
City = Callable[[str], str | None]

_ROLES = {
    "duty": "值班员 值班人员 值班 值守 值班长 duty_officer 值班员duty",
    "signer": "签发人 签发 会签人 签批人 审批人 signatory approver",
    "leader": "领导 负责人 分管领导 主要领导 主管领导 head chief",
    "clerk": "名单员 名录员 录入员 名录管理员 文员 管理员 importer",
    "director": "导演 演练导演 演练负责人 演练员 演练组织者 drill_director",
    "auditor": "审计 审计员 督查员 监督员 audit 只读",
}
ROLE_OF = {name: role for role, names in _ROLES.items() for name in (role, *names.split())}


@dataclass
class Rows:
    """The rows of one list by their key; ``origins`` say where each stood."""

    complaints: Complaints = field(default_factory=Complaints)
    drafts: dict[Any, Draft] = field(default_factory=dict)
    origins: dict[Any, Record] = field(default_factory=dict)
    rows: int = 0

    def keep(self, key: Any, draft: Draft, record: Record, *, at: str) -> None:
        """Each key once; a second row with it is refused and names the first."""
        if key in self.drafts:
            self.complaints.rejected.append(record.complaint(at, f"与第 {self.origins[key].row} 行重复"))
            return
        self.drafts[key], self.origins[key] = draft, record

    def refuse(self, key: Any, at: str, reason: str) -> None:
        """A row that reads well but can't stand beside what is remembered."""
        self.complaints.rejected.append(self.origins[key].complaint(at, reason))


def _read(path: Path, form: Form, take: Callable[[Record, Rows], None], tick: Tick) -> Rows:
    rows = Rows()
    for part in open_register(path, form, rows.complaints):
        for record in part.records:
            rows.rows += 1
            tick(rows.rows)
            take(record, rows)
    return rows


def contacts(path: Path, tick: Tick) -> Rows:
    """Contacts by (credit code, name, how many of that name came before); within a plant ``次序`` ranks them."""
    return _read(path, CONTACTS, _contact, tick)


def _contact(record: Record, rows: Rows) -> None:
    complaints = rows.complaints
    code = taken(record, "credit_code", credit_code, complaints)
    name = taken(record, "name", person_name, complaints)
    draft = reachable(record, complaints)
    order = optional(record, "order", _order, complaints)
    if not any(draft.values()) and not any(record.cells.get(key) for key in ("phone", "email")):
        complaints.rejected.append(record.complaint("phone", "手机与邮箱至少填写一项"))
    if not isinstance(code, str) or not isinstance(name, str):
        return
    same = 0
    while (code, name, same) in rows.drafts:
        if _same_address(rows.drafts[code, name, same], draft):
            complaints.rejected.append(record.complaint("name", f"与第 {rows.origins[code, name, same].row} 行重复"))
            return
        same += 1
    rows.keep((code, name, same), draft | {"order": order}, record, at="name")


def _same_address(one: Draft, other: Draft) -> bool:
    return all(one.get(key) == other.get(key) for key in ("phone", "email"))


def reachable(record: Record, complaints: Complaints) -> Draft:
    """Phone and e-mail of the columns that are there; a landline is told apart in a warning."""
    draft: Draft = {}
    if "phone" in record.cells:
        draft["phone"] = phone = optional(record, "phone", addresses.phone, complaints)
        if isinstance(phone, str):
            _remark(phone, record, complaints)
    if "email" in record.cells:
        draft["email"] = optional(record, "email", addresses.email, complaints)
    return draft


def _remark(phone: str, record: Record, complaints: Complaints) -> None:
    if not addresses.takes_text(phone):
        complaints.warn("固定电话收不到短信,只能拨打", f"第 {record.row} 行")
    elif addresses.country_of(phone) not in ("CN", "HK", "MO", "TW"):
        complaints.warn("境外号码,请核对", f"第 {record.row} 行 {phone}")


def person_name(written: str) -> str:
    """A person's name; digits or an @ mean that the columns have shifted."""
    if "@" in written or sum(letter.isdigit() for letter in cells.narrow(written)) >= 7:
        raise ValueError("这里不像姓名,各列可能错位")
    if len(written) > 100:
        raise ValueError(f"姓名有 {len(written)} 字,超过 100 字")
    return written


def _order(written: str) -> int:
    value = cells.number(written.removeprefix("第"))
    if not value.is_integer() or not 0 <= value <= 999:
        raise ValueError(f"“{written}”不是次序,请写 1、2、3")
    return int(value)


def officers(path: Path, known: City, tick: Tick) -> Rows:
    """Officers by 工号."""
    return _read(path, OFFICERS, lambda record, rows: _officer(record, rows, known), tick)


def _officer(record: Record, rows: Rows, known: City) -> None:
    complaints = rows.complaints
    key = taken(record, "id", _identity, complaints)
    draft: Draft = {
        "name": taken(record, "name", person_name, complaints),
        "role": taken(record, "role", role, complaints),
        "cities": taken(record, "cities", lambda written: places.cities(written, known), complaints),
    }
    draft |= reachable(record, complaints)
    if not draft.get("phone") and not draft.get("email"):
        complaints.warn("没有手机也没有邮箱,呼叫不到", f"第 {record.row} 行")
    if isinstance(key, str):
        rows.keep(key, draft, record, at="id")


def role(written: str) -> str:
    """One of the six roles, in Chinese or English."""
    plain = cells.narrow(written).lower().replace(" ", "_")
    if plain in ROLE_OF:
        return ROLE_OF[plain]
    known = "、".join(f"{names.split()[0]} {name}" for name, names in _ROLES.items())
    raise ValueError(f"不认识的角色“{written}”,可用:{known}")


def _identity(written: str) -> str:
    value = cells.key(written)
    if len(value) > 64:
        raise ValueError(f"编号有 {len(value)} 个字符,超过 64 个")
    return value


def shifts(path: Path, tick: Tick) -> Rows:
    """Shifts by (工号, start)."""
    return _read(path, SHIFTS, _shift, tick)


def _shift(record: Record, rows: Rows) -> None:
    officer = taken(record, "id", _identity, rows.complaints)
    start = taken(record, "from", cells.moment, rows.complaints)
    end = taken(record, "to", cells.moment, rows.complaints)
    if not isinstance(start, datetime) or not isinstance(end, datetime) or officer is None:
        return
    if end <= start:
        rows.complaints.rejected.append(record.complaint("to", "结束不晚于开始"))
        return
    rows.keep((officer, start), {"to_at": end}, record, at="from")


def stations(path: Path, known: City, tick: Tick) -> Rows:
    """Stations by code."""
    return _read(path, STATIONS, lambda record, rows: _station(record, rows, known), tick)


def _station(record: Record, rows: Rows, known: City) -> None:
    complaints = rows.complaints
    code = taken(record, "code", _station_code, complaints)
    draft = {
        "name": taken(record, "name", str, complaints),
        "city": taken(record, "city", lambda written: places.city(written, known), complaints),
        "lon": optional(record, "lon", cells.degrees(180), complaints),
        "lat": optional(record, "lat", cells.degrees(90), complaints),
    }
    if isinstance(code, str):
        rows.keep(code, draft, record, at="code")


def _station_code(written: str) -> str:
    value = cells.key(written)
    if len(value) > 20:
        raise ValueError(f"编码有 {len(value)} 个字符,超过 20 个")
    return value
