"""Is this file a CAP 1.2 alert, and does it keep the standard's rules?"""

import gzip
import io
import re
import zlib
from dataclasses import dataclass
from functools import cache

from lxml import etree

from coordinator import cap12, cap_rules
from coordinator.cap_rules import Finding

LARGEST = 32 * 2**20  # bytes, unpacked: real alerts with thousands of polygon points stay under 1 MiB
GZIP = b"\x1f\x8b"
MOST_ERRORS = 50


@dataclass(frozen=True, slots=True)
class Verdict:
    """``valid`` is the schema's word alone; what the standard's prose asks for beyond it are warnings."""

    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...] = ()

    @property
    def valid(self) -> bool:
        return not self.errors


def check(raw: bytes) -> Verdict:
    """Any bytes at all: nothing is fetched, no entity is expanded, nothing larger than ``LARGEST`` is unpacked."""
    try:
        unpacked = _unpacked(raw)
    except (OSError, EOFError, zlib.error) as fault:
        return _refused(f"gzip 压缩包损坏:{fault}")
    if len(unpacked) > LARGEST:
        return _refused(f"文件超过 {LARGEST >> 20} MiB,不作为警报处理")
    try:
        root = etree.fromstring(unpacked, _parser())
    except etree.XMLSyntaxError as fault:
        return _refused(f"不是合格的 XML:{fault.msg}", fault.lineno or 0)
    return _judged(root)


def _unpacked(raw: bytes) -> bytes:
    if not raw.startswith(GZIP):
        return raw
    with gzip.GzipFile(fileobj=io.BytesIO(raw)) as packed:
        return packed.read(LARGEST + 1)


def _parser() -> etree.XMLParser:
    """No network, no entities, and libxml2's own limits on depth and growth stay on."""
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def _judged(root: etree._Element) -> Verdict:
    if root.getroottree().docinfo.doctype:
        return _refused("含有 DOCTYPE 声明:警报不得携带实体或外部定义,既不展开也不读取", 1)
    if root.tag != f"{{{cap12.NAMESPACE}}}alert":
        return _refused(_what(root), root.sourceline or 1)
    grammar = _grammar()
    if grammar.validate(root):
        return Verdict((), tuple(cap_rules.findings(root)))
    entries = list(grammar.error_log)[:MOST_ERRORS]
    return Verdict(tuple(Finding(entry.line, _words(entry.message)) for entry in entries) or _refused("").errors)


@cache
def _grammar() -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(cap12.schema().encode()))


def unreadable(words: str) -> Verdict:
    """The verdict on what can not even be read, a directory for instance."""
    return _refused(words)


def _refused(words: str, line: int = 0) -> Verdict:
    return Verdict((Finding(line, words),))


def _what(root: etree._Element) -> str:
    """What the file is, when it is no CAP 1.2 alert."""
    name = etree.QName(root)
    inside = sum(1 for _ in root.iter("{*}alert"))
    if name.localname == "alert" and name.namespace:
        return f"根元素的命名空间是 {name.namespace},不是 CAP 1.2({cap12.NAMESPACE})"
    if name.localname in ("feed", "rss"):
        return f"这是订阅源({name.localname}),不是一则警报;其中含 {inside} 则 alert,请逐则校验"
    return f"根元素是 {root.tag},不是 CAP 1.2 的 alert"


# What libxml2 says, in words a duty officer reads; anything else is passed on as it is.
PHRASES = (
    (
        r"Element '([^']*)': This element is not expected\. Expected is (?:one of )?\( (.*) \)\.",
        r"\1 不应出现在此处,应为 \2",
    ),
    (r"Element '([^']*)': This element is not expected\.", r"\1 不应出现在此处"),
    (r"Element '([^']*)': Missing child element\(s\)\. Expected is (?:one of )?\( (.*) \)\.", r"\1 缺少子元素 \2"),
    (
        r"Element '([^']*)': \[facet 'enumeration'\] The value '(.*)' is not an element of the set \{(.*)\}\.",
        r"\1 的值“\2”不在规定之列:\3",
    ),
    (
        r"Element '([^']*)': \[facet 'pattern'\] The value '(.*)' is not accepted by the pattern .*",
        r"\1 的值“\2”格式不对,应如 2026-03-01T08:00:00+08:00",
    ),
    (r"Element '([^']*)': '(.*)' is not a valid value of the atomic type '([^']*)'\.", r"\1 的值“\2”不是合格的 \3"),
    (r"Element '([^']*)'(?:, attribute '[^']*')?: The attribute '([^']*)' is not allowed\.", r"\1 不得带属性 \2"),
    (r"Element '([^']*)': Character content other than whitespace is not allowed.*", r"\1 内只能有子元素,不能有文字"),
)


def _words(message: str) -> str:
    plain = message.replace(f"{{{cap12.NAMESPACE}}}", "").replace(f"{{{cap12.SIGNATURES}}}*", "数字签名")
    for pattern, words in PHRASES:
        plain, hit = re.subn(f"^{pattern}$", words, plain, flags=re.DOTALL)
        if hit:
            break
    return plain
