"""Segments are counted as the carriers count them."""

import json
from pathlib import Path

from coordinator.channels.segments import count


def test_every_published_vector_is_counted_alike(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "09_twilio_sms" / "sms_segment_vectors.json").read_text())

    counted = [(count(vector["body"]).encoding, count(vector["body"]).segments) for vector in vectors]

    assert vectors
    assert counted == [(vector["encoding"], vector["segments"]) for vector in vectors]


def test_seventy_characters_of_chinese_are_one_segment_and_one_more_makes_two() -> None:
    assert (count("停" * 70).segments, count("停" * 71).segments) == (1, 2)
    assert (count("停" * 134).segments, count("停" * 135).segments) == (2, 3)


def test_a_character_of_two_units_is_not_cut_between_two_parts() -> None:
    assert count("停" * 66 + "😜" + "停" * 66).segments == 3


def test_an_empty_text_is_one_segment() -> None:
    assert count("").segments == 1
