"""The words themselves, kept as they were read aloud. LIANDONG_REWRITE_WORDS=1 keeps new ones."""

import os
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from coordinator import render
from coordinator.blanks import parts
from coordinator.orders import Order
from coordinator.render import CHANNELS, KINDS, PURPOSES, Words
from tests.coordinator.samples import (
    CHANGES,
    LEVELS,
    LI,
    TONES,
    ZHANG,
    order,
    page,
    planned,
    receiver,
    say,
    told_of_incident,
)

KEPT = Path(__file__).parents[1] / "cases" / "words"
BOTH = ("actual", "exercise")


def readings(kind: str, given: Order) -> dict[str, Words]:
    """One notice in both modes by every channel."""
    return {
        f"{mode} {channel}": say(kind, channel, receiver(replace(given, mode=mode)))
        for mode, channel in product(BOTH, CHANNELS)
    }


def changed(change: str) -> Order:
    return order(change=change, rev=1 if change == "start" else 2, replaces="" if change == "start" else "第1版")


def to_an_officer() -> dict[str, Words]:
    officer = planned(order(mode="exercise"), officers=(ZHANG,))[0]
    return {channel: say("order", channel, officer) for channel in CHANNELS}


SHEETS: dict[str, Callable[[], dict[str, Words]]] = {
    **{f"order-{change}": lambda change=change: readings("order", changed(change)) for change in CHANGES},
    **{kind: lambda kind=kind: readings(kind, order()) for kind in KINDS[1:]},
    **{
        f"tone-{tone}": lambda fields=fields: {
            each: say("order", each, receiver(**fields)) for each in ("sms", "email")
        }
        for tone, fields in TONES.items()
    },
    "levels": lambda: {f"{level.word} sms": say("order", "sms", receiver(order(level=level))) for level in LEVELS},
    "no-link": lambda: {"sms": say("order", "sms", receiver(), links=False)},
    "next-contact": lambda: {"sms": say("reminder", "sms", replace(receiver(), person=LI))},
    "drill-officer": to_an_officer,
    "pages": lambda: {f"{why} {each}": page(why, each, order()) for why, each in product(PURPOSES, CHANNELS)},
    "incident": lambda: {f"{mode} {each}": told_of_incident(mode, each) for mode, each in product(BOTH, CHANNELS)},
    "bulletin": lambda: {mode: render.bulletin(order(mode=mode), receiver().society) for mode in BOTH},
}


def written(name: str, words: Words) -> str:
    segments = f" ({parts(words.text)})" if name.endswith("sms") else ""
    subject = f"主题:{words.subject}\n" if words.subject else ""
    return f"== {name}{segments}\n{subject}{words.text}\n"


@pytest.mark.parametrize("name", SHEETS)
def test_the_words_are_those_that_were_read_aloud(name: str) -> None:
    sheet, kept = "\n".join(written(*each) for each in SHEETS[name]().items()), KEPT / f"{name}.txt"
    if os.environ.get("LIANDONG_REWRITE_WORDS"):
        kept.write_text(sheet, encoding="utf-8")

    assert sheet == kept.read_text(encoding="utf-8")


def test_no_sheet_is_kept_that_nobody_reads() -> None:
    assert {path.stem for path in KEPT.iterdir()} == set(SHEETS)
