"""A case into the store and out of it again: findings and trials as plain dictionaries beside their runs."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from descend.case import Case
from descend.record import Site
from descend.record.store import Store
from descend.script import Script
from descend.symptoms import Symptom
from descend.trials.trial import Arm, Trial


def save_case(store: Store, case: Case) -> None:
    """Keep the findings, the suspicions and the trials of a case beside its runs."""
    symptoms = [
        {**_symptom(s), "held": held} for held, part in ((True, case.findings), (False, case.suspicions)) for s in part
    ]
    trials = [{**_trial(t), "is_cure": t is case.cure} for t in case.trials]
    if trials:
        trials[0] |= {"verified": case.verified}
    timing = {"bare_s": case.bare_s, "total_s": case.total_s}
    store.save_case(case.record.run, symptoms, [*trials, timing])


def load_case(store: Store, run: int) -> Case:
    """Return the case of a run. Raises `UsageError` when there is no such run."""
    record = store.load(run)
    symptoms, rows = store.load_case(run)
    timing = next((row for row in rows if "bare_s" in row), {"bare_s": 0.0, "total_s": 0.0})
    trials = [(row, _read_trial(row)) for row in rows if "label" in row]
    return Case(
        record,
        tuple(_read_symptom(s) for s in symptoms if s["held"]),
        tuple(_read_symptom(s) for s in symptoms if not s["held"]),
        tuple(trial for _, trial in trials),
        next((trial for row, trial in trials if row["is_cure"]), None),
        next((row["verified"] for row, _ in trials if "verified" in row), ""),
        timing["bare_s"],
        timing["total_s"],
    )


def _symptom(symptom: Symptom) -> dict[str, Any]:
    return {**asdict(symptom), "explains": sorted(symptom.explains)}


def _read_symptom(row: dict[str, Any]) -> Symptom:
    known = {f.name: row[f.name] for f in fields(Symptom)}
    known["where"] = Site(**known["where"]) if known["where"] else None
    known["evidence"] = tuple((name, place) for name, place in known["evidence"])
    return Symptom(**{**known, "explains": frozenset(known["explains"])})


def _trial(trial: Trial) -> dict[str, Any]:
    known: dict[str, Any] = {f.name: getattr(trial, f.name) for f in fields(Trial) if f.name != "script"}
    known["baseline"], known["treated"] = ([asdict(a) for a in arms] for arms in (trial.baseline, trial.treated))
    script = trial.script
    known["script"] = script and {
        "path": str(script.path),
        "root": str(script.root),
        "arguments": list(script.arguments),
        "module": script.module,
        "python": script.python,
        "edits": {str(file): text for file, text in script.edits.items()},
    }
    return known


def _read_trial(row: dict[str, Any]) -> Trial:
    known = {f.name: row[f.name] for f in fields(Trial)}
    for name in ("baseline", "treated"):
        known[name] = tuple(Arm(**arm) for arm in known[name])
    for name in ("remedies", "interval", "difference", "seeds"):
        known[name] = tuple(known[name])
    if known["script"]:
        script = known["script"]
        known["script"] = Script(
            Path(script["path"]),
            Path(script["root"]),
            tuple(script["arguments"]),
            script["module"],
            script["python"],
            {Path(file): text for file, text in script["edits"].items()},
        )
    return Trial(**known)
