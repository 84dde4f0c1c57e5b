"""One variant through the doctor, as a user would run it, and what came of it."""

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from variants import Patient

MOST_S = 1200.0
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


@dataclass
class Outcome:
    """What the doctor made of one variant."""

    name: str
    half: str
    faults: tuple[str, ...]
    curable: bool
    by_hand: bool
    first: str = ""  # the finding ranked first; "" for none
    certainty: str = ""  # of the first finding: certain, likely or suspected
    certain: bool = False
    findings: tuple[str, ...] = ()
    cure: tuple[str, ...] = ()  # remedies
    before: float = math.nan
    after: float = math.nan
    reproduced: bool = False
    alone: bool = False  # whether what the patch makes runs where `descend` cannot be imported
    patch: str = ""  # for a reviewer to read
    trials: int = 0
    without_effect: int = 0  # trials reported as tried that ended exactly as the unchanged script
    bare_s: float = math.nan
    watched_s: float = math.nan
    total_s: float = math.nan
    trouble: str = ""

    @property
    def right(self) -> bool:
        """Whether the first finding is one of the faults, or none for a healthy script."""
        return self.first in self.faults if self.faults else not self.first

    def row(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Consultation:
    """Where a variant is consulted on."""

    patient: Patient
    half: str
    number: int
    drawn: int
    options: tuple[str, ...] = field(default=())

    def outcome(self) -> Outcome:
        """Run `descend doctor` on the variant."""
        outcome = Outcome(self.patient.name, self.half, self.patient.faults, self.patient.curable, self.patient.by_hand)
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, self.patient.path.name)
            script.write_text(self.patient.variant(self.half, self.number, self.drawn))
            case = case_of(script, *self.options)
            if isinstance(case, str):
                outcome.trouble = case
            else:
                _read(case, outcome)
                if case["patch"]:
                    outcome.patch = case["patch"]
                    fits = applies(case["patch"], script)
                    outcome.alone = fits and runs(script, alone=True)
                    ran = outcome.alone or (fits and runs(script))
                    outcome.reproduced = bool(case.get("reproduced")) and ran
        return outcome


def case_of(script: Path, *options: str) -> dict[str, Any] | str:
    """Return what `descend doctor` says of a script, or why it says nothing."""
    command = [sys.executable, "-m", "descend", "doctor", "--format", "json", *options, script.name]
    try:
        done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, timeout=MOST_S)
    except subprocess.TimeoutExpired:
        return f"no answer in {MOST_S:.0f} s"
    try:
        case: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        return (done.stderr.strip().splitlines() or ["no output"])[-1]
    return case


def applies(patch: str, script: Path) -> bool:
    """Write a patch into the script; return whether it fits."""
    done = subprocess.run(["patch", "-p0"], input=patch, text=True, cwd=script.parent, capture_output=True)
    return done.returncode == 0


def _read(case: dict[str, Any], outcome: Outcome) -> None:
    findings, trials, cost = case["findings"], case["trials"], case["cost"]
    if findings:
        outcome.first, outcome.certainty = findings[0]["symptom"], findings[0]["certainty"]
    outcome.findings = tuple(f["symptom"] for f in findings)
    outcome.trials, outcome.without_effect = len(trials), without_effect(trials)
    if case["status"] == "script_failed":
        outcome.trouble = "the script failed"
    for name in ("bare_s", "watched_s", "total_s"):
        setattr(outcome, name, cost[name] if cost[name] is not None else math.nan)
    for trial in trials:
        if trial["patch"] == "fix" and case["patch"]:
            outcome.cure = tuple(trial["remedies"])
            outcome.before = trial["before"] if trial["before"] is not None else math.inf
            outcome.after = trial["after"]


def without_effect(trials: Sequence[dict[str, Any]]) -> int:
    """Return how many trials are reported as tried, and ended exactly as the unchanged script did."""
    return sum(trial["changed_the_run"] is False for trial in trials)


def runs(script: Path, *, alone: bool = False) -> bool:
    """Whether plain python runs a script to its end. alone: where `descend` cannot be imported."""
    environment = {**os.environ, **ONE_THREAD}
    with tempfile.TemporaryDirectory() as folder:
        if alone:
            Path(folder, "descend.py").write_text('raise ModuleNotFoundError("descend is off the path")\n')
            environment["PYTHONPATH"] = os.pathsep.join([folder, *filter(None, [environment.get("PYTHONPATH")])])
        try:
            plain = subprocess.run(
                [sys.executable, script.name], cwd=script.parent, capture_output=True, timeout=MOST_S, env=environment
            )
        except subprocess.TimeoutExpired:
            return False
    return plain.returncode == 0
