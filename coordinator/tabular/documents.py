"""Which rows does a JSON or XML document hold: the national feed's own shapes, without DTDs."""

import html
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from coordinator.errors import Refusal


def of_json(file: Path, text: str) -> list[dict[str, Any]]:
    """The rows of ``features`` (GeoJSON) or ``rows``, or of a plain array."""
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise Refusal(f"{file}:不是合法的 JSON({error}),请重新下载") from error
    rows = document.get("features", document.get("rows")) if isinstance(document, dict) else document
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Refusal(f"{file}:JSON 中没有 features 或 rows 数组,不知道数据行在哪里")
    return [row.get("properties", row) for row in rows]


def of_xml(file: Path, text: str) -> list[dict[str, Any]]:
    """The AQIDataPublishLive records of the national feed."""
    if re.search(r"<!(DOCTYPE|ENTITY)", text):
        raise Refusal(f"{file}:XML 带有 DTD,不予读取")
    plain = re.sub(r"&(?!amp;|lt;|gt;|quot;|apos;|#)\w+;", lambda entity: html.unescape(entity[0]), text)
    try:
        root = ElementTree.fromstring(plain)  # noqa: S314 -- no DTD, see above
    except ElementTree.ParseError as error:
        raise Refusal(f"{file}:不是合法的 XML({error}),请重新下载") from error
    rows = [
        {child.tag.rpartition("}")[2]: child.text or "" for child in element if not len(child)}
        for element in root.iter()
        if element.tag.rpartition("}")[2] == "AQIDataPublishLive"
    ]
    if not rows:
        raise Refusal(f"{file}:XML 中没有 AQIDataPublishLive 记录,不是全国城市空气质量发布的格式")
    return rows
