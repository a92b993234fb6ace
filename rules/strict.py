"""Is a table of rules written as expected? Unknown, missing and mistyped keys are refused by file and place."""

from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any


class InvalidRuleSet(ValueError):
    """A file under rules/sets says something the program doesn't understand: mend the named place."""


def check(table: Any, where: str, *, required: Mapping[str, type], optional: Mapping[str, type]) -> Mapping[str, Any]:
    """``table`` itself when it is a mapping with just these keys and kinds; otherwise InvalidRuleSet.

    where     file and place in it, e.g. ``alerts/hebei/2024.toml criterion[1]``
    required  key → kind; optional alike

    Absence of a key never means a default threshold: required keys are the decisions.

    >>> check({"abov": 200}, "a.toml when[0]", required={"above": int}, optional={})
    Traceback (most recent call last):
    rules.strict.InvalidRuleSet: a.toml when[0]: 不认识的键 abov,是否应为 above?
    """
    if not isinstance(table, Mapping):
        raise InvalidRuleSet(f"{where}: 应为一个表(键 = 值),实为 {table!r}")
    kinds = {**required, **optional}
    for key in table:
        if key not in kinds:
            raise InvalidRuleSet(f"{where}: 不认识的键 {key},{_nearest(key, kinds)}")
    for key in required:
        if key not in table:
            raise InvalidRuleSet(f"{where}: 缺少键 {key}")
    for key, value in table.items():
        _kind(value, kinds[key], f"{where} {key}")
    return table


def _nearest(key: str, known: Mapping[str, type]) -> str:
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    return f"是否应为 {near[0]}?" if near else f"可用的键:{'、'.join(known)}"


def _kind(value: Any, kind: type, where: str) -> None:
    accepted: tuple[type, ...] = (int, float) if kind is float else (kind,)
    if (isinstance(value, bool) and kind is not bool) or not isinstance(value, accepted):
        raise InvalidRuleSet(f"{where}: 应为{_KINDS[kind]},实为 {value!r}")


_KINDS = {str: "文字", int: "整数", float: "数", date: "日期", list: "数组", dict: "表", bool: "true/false"}
