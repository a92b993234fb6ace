"""What does the CAP 1.2 standard ask in prose that its schema can't check?"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from coordinator.cap12 import NAMESPACE, SIGNATURES

MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d"
NAME = r"[^\s,&<]+"
REFERENCE = re.compile(f"{NAME},{NAME},{MOMENT}")
CIRCLE = re.compile(r"(-?[\d.]+),(-?[\d.]+) \+?([\d.]+)")
FEWEST_POINTS = 4  # of a closed polygon
NORTH, EAST = 90.0, 180.0
NEEDS_REFERENCES = ("Update", "Cancel", "Ack", "Error")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend: the line of the file (0 when there is none) and what is wrong."""

    line: int
    words: str

    def __str__(self) -> str:
        return f"第 {self.line} 行:{self.words}" if self.line else self.words


def findings(alert: etree._Element) -> Iterator[Finding]:
    """Every rule of the prose an alert (valid by the schema) breaks, in document order of the rules."""
    for rule in (_names, _addressing, _references, _content, _blanks, _signature):
        yield from rule(alert)
    for info in _all(alert, "info"):
        yield from _times(alert, info)
        for resource in _all(info, "resource"):
            yield from _resource(resource)
        for area in _all(info, "area"):
            yield from _area(area)


def _all(parent: etree._Element, name: str) -> list[etree._Element]:
    return list(parent.findall(f"{{{NAMESPACE}}}{name}"))


def _text(parent: etree._Element, name: str) -> str:
    """The words of the first such child; "" when there is none or it is blank."""
    return next((_words(child) for child in _all(parent, name)), "")


def _words(element: etree._Element) -> str:
    return "".join(str(part) for part in element.itertext()).strip()


def _at(element: etree._Element, words: str) -> Finding:
    return Finding(element.sourceline or 0, words)


def _names(alert: etree._Element) -> Iterator[Finding]:
    for name in ("identifier", "sender"):
        for element in _all(alert, name):
            if not re.fullmatch(NAME, _words(element)):
                yield _at(element, f"{name} 不得为空,也不得含空白、逗号、< 或 &")


def _addressing(alert: etree._Element) -> Iterator[Finding]:
    scope = _text(alert, "scope")
    for needed_by, name in (("Restricted", "restriction"), ("Private", "addresses")):
        given = _text(alert, name)
        if scope == needed_by and not given:
            yield _at(alert, f"scope 为 {needed_by} 时须给出 {name}")
        if scope != needed_by and given:
            yield _at(alert, f"{name} 只用于 scope 为 {needed_by} 的警报")


def _references(alert: etree._Element) -> Iterator[Finding]:
    kind, given = _text(alert, "msgType"), _text(alert, "references")
    if kind in NEEDS_REFERENCES and not given:
        yield _at(alert, f"msgType 为 {kind} 时须用 references 指明所针对的警报")
    for reference in given.split():
        if not REFERENCE.fullmatch(reference):
            yield _at(alert, f"references 中的“{reference}”应写作 sender,identifier,sent")


def _content(alert: etree._Element) -> Iterator[Finding]:
    if _text(alert, "msgType") in ("Alert", "Update") and not _all(alert, "info"):
        yield _at(alert, "没有 info:收到的人看不到内容")
    if _text(alert, "msgType") == "Error" and not _text(alert, "note"):
        yield _at(alert, "msgType 为 Error 时应在 note 中说明原因")
    if _text(alert, "status") == "Exercise" and not _text(alert, "note"):
        yield _at(alert, "status 为 Exercise 时应在 note 中写明演练名称")


def _blanks(alert: etree._Element) -> Iterator[Finding]:
    for element in alert.iter(f"{{{NAMESPACE}}}*"):
        if not len(element) and not _words(element):
            yield _at(element, f"{etree.QName(element).localname} 是空的:没有内容就不写")


def _signature(alert: etree._Element) -> Iterator[Finding]:
    for element in alert.findall(f"{{{SIGNATURES}}}Signature"):
        yield _at(element, "带有数字签名:本命令只核对格式,不核验签名是否真实")


def _times(alert: etree._Element, info: etree._Element) -> Iterator[Finding]:
    expires = _moment(_text(info, "expires"))
    for name, parent in (("sent", alert), ("effective", info), ("onset", info)):
        begins = _moment(_text(parent, name))
        if expires and begins and expires <= begins:
            yield _at(info, f"expires 不晚于 {name}:发出即失效")


def _moment(text: str) -> datetime | None:
    """The schema has checked the form; hour 24 and leap years beyond Python are let pass."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _resource(resource: etree._Element) -> Iterator[Finding]:
    if not _text(resource, "uri") and not _text(resource, "derefUri"):
        yield _at(resource, "resource 既无 uri 也无 derefUri,取不到附件")
    digest = _text(resource, "digest")
    if digest and not re.fullmatch(r"[0-9a-fA-F]{40}", digest):
        yield _at(resource, "digest 应为 SHA-1 的 40 位十六进制数")


def _area(area: etree._Element) -> Iterator[Finding]:
    for polygon in _all(area, "polygon"):
        yield from _polygon(polygon)
    for circle in _all(area, "circle"):
        match = CIRCLE.fullmatch(_words(circle))
        if not match or not _on_earth(match[1], match[2]):
            yield _at(circle, "circle 应写作“纬度,经度 半径(千米)”")
    if _text(area, "ceiling") and not _text(area, "altitude"):
        yield _at(area, "ceiling 须与 altitude 同用")


def _polygon(polygon: etree._Element) -> Iterator[Finding]:
    points = _words(polygon).split()
    if len(points) < FEWEST_POINTS or points[0] != points[-1]:
        yield _at(polygon, f"polygon 应有至少 {FEWEST_POINTS} 个点,首尾相同")
    if not all(_on_earth(*point.split(",")) for point in points):
        yield _at(polygon, "polygon 的点应写作“纬度,经度”(先纬度),且在 ±90、±180 之内")


def _on_earth(*pair: str) -> bool:
    try:
        latitude, longitude = (float(number) for number in pair)
    except ValueError:
        return False
    return abs(latitude) <= NORTH and abs(longitude) <= EAST
