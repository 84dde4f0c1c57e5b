"""The JSON contract: schema 2. Keys are added, never renamed or removed, while the number stays."""

import json
import math
from pathlib import Path
from typing import Any

from descend.doctor.canon.checks import Check
from descend.doctor.case import Case
from descend.doctor.record import Site, facts
from descend.doctor.redaction import cleaned
from descend.doctor.report.patches import patches
from descend.doctor.report.verdict import failure, verdict
from descend.doctor.report.wording import cell_and_line, relative, root_of
from descend.doctor.symptoms import Symptom
from descend.doctor.trials.trial import Trial

SCHEMA = 2


def render_json(case: Case) -> str:
    """Return the case as JSON, schema 2.

    Seconds are wall clock; `overhead` is total_s / bare_s. What is unknown, infinite or no number is null.
    `findings[].where.file` is relative to the script's working directory.
    """
    ending = case.record.ending
    contract = {
        "schema": SCHEMA,
        "status": case.status,
        "verdict": verdict(case),
        "undecided_because": list(case.undecided_because) if case.status == "undecided" else [],
        "script": case.record.script,
        "steps": case.record.steps,
        "exit": dict(zip(("status", "whose"), case.exit_status)),
        "failure": failure(case) if case.status == "script_failed" else None,
        "stage": _stage(case.record.fact(facts.Stage)),
        "findings": [finding_as_json(s, root_of(case), rank) for rank, s in enumerate(case.findings, 1)],
        "suspicions": [finding_as_json(s, root_of(case), rank) for rank, s in enumerate(case.open, 1)],
        "refuted": [
            finding_as_json(s, root_of(case), rank) | {"trial": _trial(trial, case)}
            for rank, (s, trial) in enumerate(case.refuted, 1)
        ],
        "checks": [_check(check) for check in case.checks],
        "trials": [_trial(trial, case) for trial in case.trials],
        "changed": case.changed or None,
        "patch": case.patch or None,
        "patches": [{"kind": p.kind, "sentence": p.sentence, "diff": p.diff} for p in patches(case)],
        "reproduced": "bit for bit" in case.verified if case.patch else None,
        "effects": [{"kind": e.kind, "target": e.target, "refused": e.refused} for e in case.record.effects],
        "cost": {
            "bare_s": _finite(case.bare_s),
            "watched_s": _finite(ending.wall_s) if ending else None,
            "total_s": _finite(case.total_s),
            "overhead": _finite(case.total_s / case.bare_s) if case.bare_s else None,
        },
    }
    text = json.dumps(cleaned(contract), allow_nan=False, ensure_ascii=False, indent=2)
    # A path that is not UTF-8 reaches us as lone surrogates; as escapes they are still valid JSON.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def finding_as_json(finding: Symptom, root: Path, rank: int) -> dict[str, Any]:
    """Return one finding as the contract has it; files relative to `root`."""
    where = finding.where
    return {
        "symptom": finding.id,
        "rank": rank,
        "standing": finding.standing,
        "consequences": sorted(finding.explains),
        "where": {
            "file": relative(where.file, root) if where else None,
            **_line(where),
            "module": finding.module or None,
        },
        "quantity": finding.quantity,
        "value": _finite(finding.value),
        "bound": _finite(finding.bound),
        "sentence": finding.sentence,
        "source": finding.source,
    }


def _stage(stage: facts.Stage | None) -> dict[str, int] | None:
    """Return which stage of a training was looked at; None where it was the whole of it."""
    return {"number": stage.number, "of": stage.of} if stage else None


def _check(check: Check) -> dict[str, Any]:
    """Return whether the run was checked for one problem; if it could not be, what is missing and why."""
    return {
        "symptom": check.symptom,
        "outcome": check.outcome,
        "missing": check.missing or None,
        "reason": check.reason or None,
    }


def _trial(trial: Trial, case: Case) -> dict[str, Any]:
    return {
        "remedies": list(trial.remedies),
        "verdict": trial.verdict,
        "symptoms": list(trial.symptoms),
        "reason": trial.reason or None,
        "metric": trial.metric,
        "quantity": trial.quantity or None,
        "attainable": trial.floor or None,
        "before": _finite(trial.before),
        "after": _finite(trial.after),
        "interval": [_finite(end) for end in trial.interval],
        "gain": [_finite(end) for end in trial.gain],
        "seeds": list(trial.seeds),
        "changed_the_run": trial.has_changed_the_run if trial.was_judged else None,
        "patch": "cure" if trial is case.cure else "tuning" if trial is case.tuning else None,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _line(where: Site | None) -> dict[str, int | None]:
    """Return the line; in a notebook the code cell, too, whose line it is."""
    cell, line = cell_and_line(where) if where else (None, None)
    return {"line": line} if cell is None else {"cell": cell, "line": line}
