"""The problems that a run was checked for: one line for the terminal, a table for the HTML report."""

from collections.abc import Sequence
from typing import Any

from descend.doctor.case import Case
from descend.doctor.catalog.checks import Check
from descend.doctor.report.formatting import count, number, one_line, sentence
from descend.doctor.report.measurement_names import measurement_name
from descend.doctor.report.titles import title_with_id

MOST_NAMED = 5  # problems that were not requested and are named; of more, the number is given
MISSING = {
    "tape": "no step could be replayed",
    "evaluation_loss": "no held-out loss",
    "evaluated_inputs": "no evaluation was traced",
    "metric_computation": "no metric computation was recognised",
    "logged_metric": "no logged metric",
}


def checks_message(case: Case, *, with_reasons: bool = True) -> str:
    """Return how many problems were checked, how many could not be checked and why, and which were not requested.

    with_reasons: whether to say why; otherwise only the numbers are said.
    """
    made, unmade, left_out = (select_checks(case, outcome) for outcome in ("checked", "not_checked", "not_requested"))
    parts = [f"for {count(len(made), 'problem')}"]
    if unmade and not with_reasons:
        parts = [f"for {number(len(made))} of {count(len(made) + len(unmade), 'problem')}"]
    elif unmade:
        parts.append(f"{number(len(unmade))} could not be checked ({'; '.join(_missing_data(unmade))})")
    if len(left_out) > MOST_NAMED:
        parts.append(f"{number(len(left_out))} were not requested")
    elif left_out:
        parts.append(f"not requested: {', '.join(sorted(check.symptom for check in left_out))}")
    return "; ".join(parts)


def checks_table(case: Case) -> dict[str, Any]:
    """Return the template values of the checks: the checked problems, and why others were not checked."""
    unmade: dict[str, list[str]] = {}
    for check in select_checks(case, "not_checked"):
        unmade.setdefault(sentence(check.reason), []).append(title_with_id(check.symptom))
    return {
        "line": checks_message(case),
        "made": [title_with_id(check.symptom) for check in select_checks(case, "checked")],
        "unmade": [{"reason": reason, "titles": "; ".join(titles)} for reason, titles in unmade.items()],
        "left_out": "; ".join(title_with_id(check.symptom) for check in select_checks(case, "not_requested")),
    }


def select_checks(case: Case, outcome: str) -> list[Check]:
    """Return the checks of a case with a certain outcome, such as "not_checked"."""
    return [check for check in case.checks if check.outcome == outcome]


def _missing_data(unmade: Sequence[Check]) -> list[str]:
    """Return phrases that name the missing data because of which some checks were impossible."""
    missing = list(dict.fromkeys(check.missing for check in unmade))
    named = [MISSING[name] for name in missing if name in MISSING]
    measured = [one_line(measurement_name(name)) for name in missing if name not in MISSING]
    return named + ([f"not measured: {', '.join(measured)}"] if measured else [])
