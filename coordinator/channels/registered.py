"""报备模板: which registered template says exactly this text, and with what in its blanks?

A mainland carrier takes no free text: a template is registered beforehand, and a sending names its code and fills its
blanks. So that what a plant reads is what our books say it was told, a text is sent only where a registered template
gives it back word for word. A template is registered as ``templates/notices/…_sms.txt`` prints it, without the marker
at its end, each part that differs from plant to plant as ``${name}``::

    SMS_480001 = "${issuer}：${name}，${where}预警，${from}起至${to}。请执行：${long_measures}。通知${number}，签收码${code}。…"

The carrier's rules (help.aliyun.com/document_detail/44357.html and 463270.html) are checked when the file is read: at
most 500 characters, no 【】, no two blanks side by side, none twice; and when a blank is filled: 1 to 35 characters.
A blank whose name begins with ``long_`` is cut to that, as measures are in any SMS that is too long, and says where the
rest stands; every other blank that is too long leaves the text without a template.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from coordinator.errors import Misconfigured

LONGEST, LONGEST_BLANK = 500, 35
BLANK = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_]{0,24})\}")
MARKED = re.compile(r" ?#[A-Z2-7]{8}$")
CUT = "long_"
# Signs that the carrier registers in no template and takes in no blank: ① is written (1).
PLAIN = str.maketrans({chr(0x2460 + n): f"({n + 1})" for n in range(20)} | {"…": "...", "•": "·"})


@dataclass(frozen=True, slots=True)
class Template:
    """One text as it is registered."""

    code: str
    text: str
    shape: re.Pattern[str]

    def blanks(self, text: str) -> dict[str, str] | None:
        """What stands in the blanks of ``text``, or None when this template doesn't say it."""
        found = self.shape.fullmatch(text)
        return found.groupdict() if found else None


@dataclass(frozen=True, slots=True)
class Said:
    """A text as the carrier is asked to say it; ``cut`` are the blanks that didn't hold all of it."""

    code: str
    blanks: dict[str, str]
    cut: tuple[str, ...]


def plain(text: str) -> str:
    """The words as this carrier can say them: the marker travels beside the text, and ① is written (1)."""
    return MARKED.sub("", text).translate(PLAIN)


def find(templates: tuple[Template, ...], text: str) -> Said | None:
    """``text`` by the first template, the most definite first, that says it."""
    for template in templates:
        blanks = template.blanks(text)
        if blanks is not None:
            rest = "...详见邮件" if "邮件" in text else "...详情请来电"
            cut = tuple(name for name, words in blanks.items() if len(words) > LONGEST_BLANK)
            return Said(
                template.code, blanks | {name: blanks[name][: LONGEST_BLANK - len(rest)] + rest for name in cut}, cut
            )
    return None


@cache
def read(path: str, setting: str) -> tuple[Template, ...]:
    """The templates of a file, the one with most words of its own first."""
    try:
        rows = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{setting}: 读不了 {path}:{error}") from error
    if not rows:
        raise Misconfigured(f'{setting}: {path} 里没有模板;每行写作 模板CODE = "模板内容"')
    return tuple(sorted((_template(code, text, setting) for code, text in rows.items()), key=_own_words, reverse=True))


def _own_words(template: Template) -> int:
    return len(BLANK.sub("", template.text))


def _template(code: str, text: object, setting: str) -> Template:
    if not isinstance(text, str) or not text.strip():
        raise Misconfigured(f"{setting}: {code} 的模板内容应为一段文字")
    names = BLANK.findall(text)
    for wrong, why in (
        (len(text) > LONGEST, f"超过 {LONGEST} 字"),
        ("【" in text or "】" in text, "不能含【】:签名由运营商加在最前面"),
        (BLANK.sub("", text).strip() == "" or "}${" in text, "变量不能相邻,也不能全是变量"),
        (len(names) != len(set(names)), "同一个变量只能出现一次"),
        ("${" in BLANK.sub("", text), "变量名须以字母开头,只用字母、数字和下划线"),
    ):
        if wrong:
            raise Misconfigured(f"{setting}: {code} {why}")
    return Template(code, text, _shape(text))


def _shape(text: str) -> re.Pattern[str]:
    parts = BLANK.split(text)
    return re.compile("".join(_blank(part) if n % 2 else re.escape(part) for n, part in enumerate(parts)))


def _blank(name: str) -> str:
    room = "+?" if name.startswith(CUT) else f"{{1,{LONGEST_BLANK}}}?"
    return f"(?P<{name}>.{room})"
