"""A program with mistakes through the doctor, as a user would run it, and what came of it."""

import tempfile
from pathlib import Path
from typing import Any

from consult import applies, case_of

from mutations.judged import Values
from mutations.sample import Subject, as_shown


def consulted(subject: Subject, values: Values, *options: str) -> dict[str, Any]:
    """Return what the doctor finds, in which lines, what it prescribes, and how much that gives back.

    options: those of `descend doctor`.
    """
    host = subject.mutants[0].host.name
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, f"{host}.py")
        script.write_text(as_shown(subject.text))
        case = case_of(script, *options)
        if isinstance(case, str):
            return {"trouble": case}
        patched = None
        if case["patch"]:
            patched = script.read_text() if applies(case["patch"], script) else ""
    row = {
        "status": case["status"],
        "findings": [_said(finding) for finding in case["findings"]],
        "suspicions": [_said(finding) for finding in case["suspicions"]],
        "cure": next((trial["remedies"] for trial in case["trials"] if trial["patch"] == "fix"), []),
        "trials": len(case["trials"]),
        **{name: case["cost"][name] for name in ("bare_s", "total_s")},
    }
    if patched is not None:
        row["given_back"] = values.given_back(subject, patched)
    return row


def _said(finding: dict[str, Any]) -> list[Any]:
    return [finding["symptom"], (finding["where"] or {}).get("line")]
