"""Sample registers 示例名单 for the demo: plants, contacts, officers, shifts, as a clerk's workbook would hold them.

Everything says that it is a sample. Credit codes carry YANG (样) where a real one has its organisation number; phones begin
with 154, a segment no carrier was ever given, so that no real person can be rung; mail goes to example.com (RFC 2606).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import xlsxwriter

from contacts.credit_codes import check_character

Row = dict[str, object]
REGION = "示例联动中心"
PROVINCES = {"110000": "北京", "120000": "天津", "130000": "河北", "140000": "山西", "370000": "山东", "410000": "河南"}
ROLES = (
    ("duty", "值班员", 2),
    ("signer", "签发人", 2),
    ("leader", "领导", 1),
    ("clerk", "名单员", 1),
    ("director", "导演", 1),
    ("auditor", "审计", 1),
)
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕施张孔曹严华金魏陶姜"
GRADES = ("C", "B", "C", "D", "C", "B", "C", "B-", "C", "A", "C", "B", "D", "C", "B", "C", "引领性", "C", "D", "A")
DUTIES = ("环保负责人", "厂长", "值班室")
EXEMPT_EVERY, DRILL_EVERY, OWN_PLAN_EVERY, MAIL_ONLY_EVERY = 40, 10, 3, 50


class Place(Protocol):
    """What is needed of a city."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def lon(self) -> float: ...
    @property
    def lat(self) -> float: ...


@dataclass(frozen=True)
class Trade:
    """An industry with its usual lines: name, 工序, capacity and unit, and what stops at orange."""

    industry: str
    works: str
    lines: tuple[tuple[str, str, float, str, str], ...]


TRADES = (
    Trade("长流程联合钢铁", "钢铁", (
        ("1#烧结机", "烧结", 360, "平方米", "烧结机停产"),
        ("1#高炉", "炼铁", 2580, "立方米", "高炉焖炉"),
        ("白灰窑", "石灰", 600, "吨/日", "石灰窑停产"),
    )),
    Trade("焦化", "焦化", (
        ("1#焦炉", "炼焦", 55, "孔", "结焦时间延长至 36 小时"),
        ("2#焦炉", "炼焦", 55, "孔", "结焦时间延长至 36 小时"),
    )),
    Trade("水泥", "水泥", (
        ("熟料线", "熟料煅烧", 4500, "吨/日", "回转窑停产"),
        ("水泥磨", "粉磨", 180, "吨/时", "水泥磨停产"),
    )),
    Trade("铸造", "铸造", (
        ("中频炉", "熔炼", 5, "吨/炉", "熔炼停产"),
        ("树脂砂线", "造型浇注", 12, "吨/时", "涉气工序停产"),
    )),
    Trade("玻璃", "玻璃", (("浮法线", "熔化", 600, "吨/日", "投料量降至 80%"),)),
    Trade("陶瓷", "陶瓷", (
        ("1#辊道窑", "烧成", 12000, "平方米/日", "停产一条窑"),
        ("喷雾塔", "制粉", 15, "吨/时", "喷雾塔停产"),
    )),
    Trade("砖瓦窑", "砖瓦", (("隧道窑", "焙烧", 6000, "万块/年", "停止进车,保温"),)),
    Trade("炭素", "炭素", (("焙烧炉", "焙烧", 36, "室", "减少 50% 炉室"),)),
    Trade("家具", "家具", (("喷漆线", "喷涂", 800, "件/日", "喷漆停产"),)),
    Trade("包装印刷", "印刷", (("凹印机", "印刷", 4, "台", "溶剂型油墨印刷停产"),)),
    Trade("工业涂装", "涂装", (
        ("喷涂线", "喷涂", 2, "条", "喷涂停产"),
        ("烘干室", "烘干", 2, "座", "烘干停产"),
    )),
    Trade("橡胶制品", "橡胶", (
        ("密炼机", "密炼", 6, "台", "密炼停产"),
        ("硫化机", "硫化", 40, "台", "硫化减半"),
    )),
    Trade("制药", "制药", (("发酵线", "发酵", 3, "条", "不再投新料"),)),
    Trade("人造板", "板材", (("热压机", "热压", 300, "立方米/日", "热压停产"),)),
    Trade("石灰窑", "石灰", (("1#石灰窑", "煅烧", 300, "吨/日", "停产保窑"),)),
    Trade("炼油与石油化工", "石化", (("催化裂化", "炼制", 120, "万吨/年", "负荷降至 80%"),)),
)  # fmt: skip


def credit_code(city: str, number: int) -> str:
    """A code with a true check character and an organisation number nobody has.

    >>> credit_code("130100", 7)
    '91130100YANG00007C'
    """
    body = f"91{city}YANG{number:05d}"
    return body + check_character(body + "0")


def phone(number: int) -> str:
    """A mainland mobile number in the segment 154, which is assigned to nobody."""
    return f"154{number:08d}"


def enterprises(count: int, cities: Sequence[Place]) -> list[Row]:
    """``count`` plants spread over the cities in turn, under the headings of an emission list."""
    return [_plant(index, cities[index % len(cities)], index // len(cities)) for index in range(count)]


def _plant(index: int, city: Place, within: int) -> Row:
    trade = TRADES[(index * 7 + index // len(TRADES)) % len(TRADES)]
    grade = GRADES[(index * 3 + within) % len(GRADES)]
    spared = index % EXEMPT_EVERY == EXEMPT_EVERY - 1
    return {
        "统一社会信用代码": credit_code(city.code, within + 1),
        "企业名称": f"示例{city.name}第{within + 1:02d}{trade.works}厂",
        "城市": city.name,
        "行业": trade.industry,
        "绩效等级": grade,
        "经度": round(city.lon + ((index * 37) % 100 - 50) / 200, 4),
        "纬度": round(city.lat + ((index * 61) % 100 - 50) / 250, 4),
        "排污许可证号": f"示例{city.code}{within + 1:04d}",
        "豁免类别": "保障类" if spared else "",
        "豁免最高级别": "红" if spared else "",
        "豁免条件": "协同处置生活垃圾" if spared else "",
        "负荷上限": "核定最大负荷 60%" if spared else "",
        "参演": "是" if index % DRILL_EVERY == 0 else "否",
        "备注": "示例数据,不是真实企业",
    }


def lines(plants: Iterable[Row]) -> Iterator[Row]:
    """Production lines of every third plant, with the plant's own plan 一厂一策 for each level."""
    trades = {trade.industry: trade for trade in TRADES}
    for index, plant in enumerate(plants):
        if index % OWN_PLAN_EVERY == 0:
            for line in trades[str(plant["行业"])].lines:
                yield _line(plant, *line)


def _line(plant: Row, name: str, step: str, capacity: float, *rest: str) -> Row:
    unit, orange = rest
    return {
        "统一社会信用代码": plant["统一社会信用代码"],
        "生产线": name,
        "工序": step,
        "产能": capacity,
        "产能单位": unit,
        "黄色预警减排措施": "限产20%",
        "黄色停限产比例": "20%",
        "橙色预警减排措施": orange,
        "橙色停限产比例": "50%",
        "红色预警减排措施": "停产",
        "红色停限产比例": "100%",
    }


def contacts(plants: Iterable[Row]) -> list[Row]:
    """Two or three people a plant; every fiftieth plant can be reached by mail alone."""
    return [person for index, plant in enumerate(plants) for person in _people(plant, index)]


def _people(plant: Row, index: int) -> Iterator[Row]:
    for place in range(2 + index % 2):
        number = index * 3 + place
        mail_only = index % MAIL_ONLY_EVERY == MAIL_ONLY_EVERY - 1
        yield {
            "统一社会信用代码": plant["统一社会信用代码"],
            "姓名": f"{SURNAMES[number % len(SURNAMES)]}示例{DUTIES[place]}",
            "手机": "" if mail_only else phone(number),
            "邮箱": f"plant{index:05d}-{place + 1}@example.com" if place != 1 or mail_only else "",
            "次序": place + 1,
        }


def officers(provinces: Iterable[str]) -> list[Row]:
    """Every role for each province, and once for all of them: who signs a regional alert must hold them all."""
    codes = list(dict.fromkeys(provinces))
    mandates = [("qy", REGION, codes)] + [
        (f"p{code[:2]}", f"示例{PROVINCES.get(code, code)}", [code]) for code in codes
    ]
    return [
        _officer(f"{key}-{role}{place + 1 if several > 1 else ''}", f"{where}{title}", role, held)
        | {"手机": phone(90_000_000 + group * 100 + number * 10 + place)}
        for group, (key, where, held) in enumerate(mandates)
        for number, (role, title, several) in enumerate(ROLES)
        for place in range(several)
    ]


def _officer(key: str, title: str, role: str, held: list[str]) -> Row:
    name = title + ("甲" if key.endswith("1") else "乙" if key.endswith("2") else "")
    return {"工号": key, "姓名": name, "角色": role, "城市": ";".join(held), "手机": "", "邮箱": f"{key}@example.com"}


def shifts(staff: Iterable[Row], start: datetime, days: int) -> list[Row]:
    """Duty officers of each mandate take turns of a day, from ``start``."""
    posts: dict[str, list[str]] = {}
    for officer in staff:
        if officer["角色"] == "duty":
            posts.setdefault(str(officer["城市"]), []).append(str(officer["工号"]))
    return [
        {
            "工号": turns[day % len(turns)],
            "开始": (start + timedelta(days=day)).isoformat(),
            "结束": (start + timedelta(days=day + 1)).isoformat(),
        }
        for turns in posts.values()
        for day in range(days)
    ]


def write(path: Path, sheets: dict[str, list[Row]]) -> Path:
    """A workbook as a clerk would hand it in: a title row, the headings, the rows; everything but numbers as text."""
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.write(0, 0, f"{name}(示例数据,全部为虚构)")
            for column, heading in enumerate(rows[0] if rows else ()):
                sheet.write(1, column, heading)
                for line, row in enumerate(rows, start=2):
                    sheet.write(line, column, row[heading])
    return path


def write_all(folder: Path, cities: Sequence[Place], *, count: int, start: datetime, days: int) -> dict[str, Path]:
    """The four workbooks of a demo, by the name of the register; import them in this order."""
    plants = enterprises(count, cities)
    staff = officers(f"{city.code[:2]}0000" for city in cities)
    return {
        "enterprises": write(folder / "示例-应急减排清单.xlsx", {"企业": plants, "生产线": list(lines(plants))}),
        "contacts": write(folder / "示例-企业联系人.xlsx", {"联系人": contacts(plants)}),
        "officers": write(folder / "示例-值班人员.xlsx", {"人员": staff}),
        "shifts": write(folder / "示例-值班表.xlsx", {"值班表": shifts(staff, start, days)}),
    }
