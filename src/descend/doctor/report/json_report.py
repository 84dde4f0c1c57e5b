"""The JSON report, schema 3. Under one schema number, keys may be added, but not renamed or removed."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case, CaseStatus
from descend.doctor.catalog.checks import Check
from descend.doctor.record import Site, facts
from descend.doctor.redaction import mask_secrets_in
from descend.doctor.report.formatting import cell_and_line, relative_path, working_directory
from descend.doctor.report.patches import patches
from descend.doctor.report.verdict import failure_message, verdict
from descend.doctor.trials.trial import Trial

SCHEMA = 3


def render_json(case: Case) -> str:
    """Return the report on a case as JSON text, in version 3 of its schema.

    Seconds are wall-clock time; `overhead` is total_s / bare_s. Unknown values, infinities and NaN are null.
    `findings[].where.file` is relative to the script's working directory.
    """
    ending = case.record.ending
    contract = {
        "schema": SCHEMA,
        "status": case.status,
        "verdict": verdict(case),
        "run": case.record.run or None,
        "undecided_because": list(case.undecided_because) if case.status == CaseStatus.UNDECIDED else [],
        "script": case.record.script,
        "steps": case.record.steps,
        "exit": {"status": case.exit_status, "script_status": case.script_status},
        "failure": failure_message(case) if case.status == CaseStatus.SCRIPT_FAILED else None,
        "stage": _stage_as_json(case.record.fact(facts.Stage)),
        "findings": [finding_as_json(s, working_directory(case), rank) for rank, s in enumerate(case.findings, 1)],
        "suspicions": [
            finding_as_json(s, working_directory(case), rank) for rank, s in enumerate(case.open_suspicions, 1)
        ],
        "refuted": [
            finding_as_json(s, working_directory(case), rank) | {"trial": _trial_as_json(trial, case)}
            for rank, (s, trial) in enumerate(case.withdrawn_findings, 1)
        ],
        "checks": [_check_as_json(check) for check in case.checks],
        "trials": [_trial_as_json(trial, case) for trial in case.trials],
        "changed": case.proof.changed or None,
        "interrupted": case.proof.interrupted,
        "limit": case.proof.limit or None,
        "untried": [asdict(remedy) for remedy in case.proof.untried],
        "skipped": list(case.proof.skipped),
        "patch": case.patch or None,
        "patches": [{"kind": p.kind, "sentence": p.sentence, "diff": p.diff} for p in patches(case)],
        "reproduced": case.proof.reproduced if case.patch else None,
        "effects": [
            {"kind": e.kind, "target": e.target, "refused": e.refused, "redirected": e.redirected}
            for e in case.record.effects
        ],
        "cost": {
            "bare_s": finite_or_none(case.bare_s),
            "watched_s": finite_or_none(ending.wall_s) if ending else None,
            "total_s": finite_or_none(case.total_s),
            "overhead": finite_or_none(case.total_s / case.bare_s) if case.bare_s else None,
        },
    }
    return json_text(contract)


def json_text(contract: Any) -> str:
    """Return a report as JSON text, with secrets masked."""
    text = json.dumps(mask_secrets_in(contract), allow_nan=False, ensure_ascii=False, indent=2)
    # A path that is not valid UTF-8 contains lone surrogates. Escaped, they are still valid JSON.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def finding_as_json(finding: Symptom, root: Path, rank: int) -> dict[str, Any]:
    """Return a finding as a dictionary for the JSON report. The path of its file is relative to `root`."""
    where = finding.where
    return {
        "symptom": finding.id,
        "rank": rank,
        "certainty": finding.certainty,
        "consequences": sorted(finding.explains),
        "where": {
            "file": relative_path(where.file, root) if where else None,
            **_line_as_json(where),
            "module": finding.module or None,
        },
        "quantity": finding.quantity,
        "value": finite_or_none(finding.value),
        "bound": finite_or_none(finding.bound),
        "sentence": finding.sentence,
        "source": finding.source,
    }


def _stage_as_json(stage: facts.Stage | None) -> dict[str, int] | None:
    """Return the number of the observed training loop and the number of all loops; None for a script with one loop."""
    return {"number": stage.number, "of": stage.of} if stage else None


def _check_as_json(check: Check) -> dict[str, Any]:
    """Return the outcome of the check for one problem as a dictionary, with the reason if the check was impossible."""
    return {
        "symptom": check.symptom,
        "outcome": check.outcome,
        "missing": check.missing or None,
        "reason": check.reason or None,
    }


def _trial_as_json(trial: Trial, case: Case) -> dict[str, Any]:
    """Return a trial of a remedy as a dictionary for the JSON report."""
    return {
        "remedies": list(trial.remedies),
        "label": trial.label,
        "verdict": trial.verdict,
        "symptoms": list(trial.symptoms),
        "reason": trial.reason or None,
        "metric": trial.metric,
        "quantity": trial.quantity or None,
        "attainable": trial.floor or None,
        "before": finite_or_none(trial.before),
        "after": finite_or_none(trial.after),
        "interval": [finite_or_none(end) for end in trial.interval],
        "gain": [finite_or_none(end) for end in trial.gain],
        "seeds": list(trial.seeds),
        "changed_the_run": trial.has_changed_the_run if trial.was_judged else None,
        "patch": "fix" if trial is case.fix else "tuning" if trial is case.tuning else None,
    }


def finite_or_none(value: float) -> float | None:
    """Return a finite number unchanged; None for infinities and NaN, which JSON cannot represent."""
    return value if math.isfinite(value) else None


def _line_as_json(where: Site | None) -> dict[str, int | None]:
    """Return the line number of a source location as a dictionary; for a notebook, also the number of the cell."""
    cell, line = cell_and_line(where) if where else (None, None)
    return {"line": line} if cell is None else {"cell": cell, "line": line}
