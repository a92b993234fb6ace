"""Does an edition grade its own cases as it says it does?"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np

from coordinator import rulebook
from coordinator.errors import Misconfigured
from rules import grading
from rules.levels import Verdict
from rules.rulesets import RuleSet
from rules.spells import Series


def run(ruleset: RuleSet) -> Iterator[dict[str, Any]]:
    """Each case with what it expects and what was found."""
    for case in rulebook.cases(ruleset):
        found = _graded(case, ruleset)
        level = "unknown" if found.verdict is Verdict.UNKNOWN else found.level.word
        wanted = [case["expect"], case.get("possible", found.possible.word)]
        shown = {"expect": "/".join(wanted), "found": f"{level}/{found.possible.word}"}
        yield {"ruleset": ruleset.id, "name": case["name"], **shown, "ok": [level, found.possible.word] == wanted}


def _graded(case: dict[str, Any], ruleset: RuleSet) -> grading.Grading:
    day = ruleset.edition.in_force_from + timedelta(days=31)
    if "days" in case:
        return grading.grade_days(case["days"], ruleset, city=ruleset.edition.place_code, first_day=day)
    if "hours" not in case:
        raise Misconfigured(f"案例 {ruleset.id} “{case.get('name')}” 应有 days 或 hours")
    values = np.concatenate([np.full(count, float(value)) for count, value in case["hours"]])
    series = Series(ruleset.edition.place_code, grading.now_at(day), values)
    return grading.grade(series, ruleset, rulebook.standards(), at=series.start, horizon=len(values))
