from datetime import timedelta

import pytest

from contacts import ladder
from contacts.ladder import Ask
from rules.levels import Level

LEVELS = [level.word for level in Level if level > Level.NONE]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("people", range(6))
def test_every_ladder_ends_at_the_desk_within_the_hour(level: str, people: int) -> None:
    steps = ladder.steps(level, people)

    assert steps[-1].ask is Ask.DESK and steps[-1].after == ladder.ACKNOWLEDGE_DUE
    assert [step.after for step in steps] == sorted({step.after for step in steps})
    assert all(step.person < max(people, 1) for step in steps)


@pytest.mark.parametrize("level", LEVELS)
def test_nobody_is_reminded_within_ten_minutes(level: str) -> None:
    assert ladder.first_step(level) >= timedelta(minutes=10)
    assert ladder.steps(level, 3)[0].after == ladder.first_step(level)


@pytest.mark.parametrize("level", LEVELS)
def test_one_person_gets_at_most_the_order_and_one_reminder(level: str) -> None:
    asked = [step.person for step in ladder.steps(level, 5) if step.ask is not Ask.DESK]

    assert len(asked) == len(set(asked))


def test_steps_are_walked_one_by_one() -> None:
    walked = []
    while step := ladder.next_step("red", taken=len(walked), people=2):
        walked.append(step)

    assert tuple(walked) == ladder.steps("red", 2)


def test_a_graver_level_asks_sooner() -> None:
    waits = [ladder.first_step(level) for level in ("yellow", "orange", "red")]
    assert waits == sorted(waits, reverse=True)
    assert ladder.signature_due("red", called=1) < ladder.signature_due("yellow", called=1)


def test_a_level_without_a_ladder_is_refused() -> None:
    with pytest.raises(ValueError, match="known"):
        ladder.first_step("none")


def test_signers_on_duty_are_called_before_others_and_leaders_last() -> None:
    officers = [("a", "leader"), ("b", "signer"), ("c", "duty"), ("d", "signer"), ("e", "leader")]

    assert ladder.signers_in_order(officers, ["d", "e"]) == ["d", "b", "e", "a"]
