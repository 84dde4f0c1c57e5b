"""A program with mistakes through the doctor, as a user would run it, and what came of it."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mutations.judged import Values
from mutations.sample import Subject, as_shown

MOST_S = 900.0


def consulted(subject: Subject, values: Values) -> dict[str, Any]:
    """Return what the doctor finds, in which lines, what it prescribes, and how much that gives back."""
    host = subject.mutants[0].host.name
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, f"{host}.py")
        script.write_text(as_shown(subject.text))
        command = [sys.executable, "-m", "descend", "doctor", "--format", "json", script.name]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=MOST_S)
            case = json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            return {"trouble": f"no answer in {MOST_S:.0f} s"}
        except json.JSONDecodeError:
            return {"trouble": (done.stderr.strip().splitlines() or ["no output"])[-1]}
        patched = _patched(case["patch"], script)
    row = {
        "status": case["status"],
        "findings": [_said(finding) for finding in case["findings"]],
        "suspicions": [_said(finding) for finding in case["suspicions"]],
        "cure": next((trial["remedies"] for trial in case["trials"] if trial["patch"] == "cure"), []),
        "trials": len(case["trials"]),
        **{name: case["cost"][name] for name in ("bare_s", "total_s")},
    }
    if patched is not None:
        row["given_back"] = values.given_back(subject, patched)
    return row


def _said(finding: dict[str, Any]) -> list[Any]:
    return [finding["symptom"], (finding["where"] or {}).get("line")]


def _patched(patch: str | None, script: Path) -> str | None:
    if not patch:
        return None
    applied = subprocess.run(["patch", "-p0"], input=patch, text=True, cwd=script.parent, capture_output=True)
    return script.read_text() if applied.returncode == 0 else ""
