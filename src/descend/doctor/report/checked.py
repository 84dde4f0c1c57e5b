"""Which problems a run was checked for, in one line for the console and as a table for the page."""

from collections.abc import Sequence
from typing import Any

from descend.doctor.canon.checks import Check
from descend.doctor.case import Case
from descend.doctor.report.measurements import measurement
from descend.doctor.report.titles import title
from descend.doctor.report.wording import count, number, one_line, sentence

MISSING = {
    "tape": "no step could be replayed",
    "evaluation_loss": "no held-out loss",
    "evaluated_inputs": "no evaluation was traced",
    "own_measure": "no computation of a metric was recognised",
    "own_number": "no logged metric",
}


def checked_line(case: Case) -> str:
    """Return `for 64 problems; 5 could not be checked (no held-out loss; not measured: scale of the inputs)`."""
    made, unmade, left_out = (_of(case, outcome) for outcome in ("checked", "not_checked", "not_requested"))
    parts = [f"for {count(len(made), 'problem')}"]
    if unmade:
        parts.append(f"{number(len(unmade))} could not be checked ({'; '.join(_what_is_missing(unmade))})")
    if left_out:
        parts.append(f"not requested: {', '.join(sorted(check.symptom for check in left_out))}")
    return "; ".join(parts)


def checked_table(case: Case) -> dict[str, Any]:
    """Return what the page shows: the titles of the checks that were made, and why the others were not."""
    unmade: dict[str, list[str]] = {}
    for check in _of(case, "not_checked"):
        unmade.setdefault(sentence(check.reason), []).append(title(check.symptom))
    return {
        "line": checked_line(case),
        "made": [title(check.symptom) for check in _of(case, "checked")],
        "unmade": [{"reason": reason, "titles": "; ".join(titles)} for reason, titles in unmade.items()],
        "left_out": "; ".join(title(check.symptom) for check in _of(case, "not_requested")),
    }


def _of(case: Case, outcome: str) -> list[Check]:
    return [check for check in case.checks if check.outcome == outcome]


def _what_is_missing(unmade: Sequence[Check]) -> list[str]:
    missing = list(dict.fromkeys(check.missing for check in unmade))
    named = [MISSING[name] for name in missing if name in MISSING]
    measured = [one_line(measurement(name)) for name in missing if name not in MISSING]
    return named + ([f"not measured: {', '.join(measured)}"] if measured else [])
