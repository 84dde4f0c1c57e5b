"""A case into the store and out of it again: findings and trials as plain dictionaries beside their runs."""

from dataclasses import asdict, fields
from typing import Any

from descend.doctor.case import Case
from descend.doctor.record import Record, Site
from descend.doctor.record.loading import intact
from descend.doctor.record.store import Store
from descend.doctor.script.changes import Change
from descend.doctor.symptoms import Symptom
from descend.doctor.trials.trial import Trial, TrialRun

LIKELY = 0.8  # the least confidence of older cases that is likely now
NOT_KEPT = ("script", "parts")  # of a trial
KEPT_AS_THEY_ARE = (
    "verified",
    "bare_s",
    "total_s",
    "left_out",
    "interrupted",
    "interruption",
    "streamed",
    "dismissed",
    "changed",
)


def save_case(store: Store, case: Case) -> None:
    """Keep the findings, the suspicions and the trials of a case beside its runs."""
    trials = [{**_trial(t), "is_cure": t is case.cure, "is_tuning": t is case.tuning} for t in case.trials]
    rest: dict[str, Any] = {name: getattr(case, name) for name in KEPT_AS_THEY_ARE}
    rest["suspicions"] = [_symptom(s) for s in case.suspicions]
    rest["changes"] = case.changes and [asdict(change) for change in case.changes]
    store.save_case(case.record.run, [_symptom(s) for s in case.findings], [*trials, rest])


def load_case(store: Store, run: int) -> Case:
    """Return the case of a run, without findings where it was never diagnosed. Raises `UsageError` for no such run."""
    record = store.load(run)
    findings, rows = store.load_case(run)
    with intact(f"what was found in run {run} in {store.where}"):
        return _case(record, findings, rows)


def _case(record: Record, findings: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Case:
    rest = rows.pop() if rows else {"suspicions": []}
    trials = [(row, _read_trial(row)) for row in rows]
    kept = {name: rest[name] for name in KEPT_AS_THEY_ARE if name in rest}
    return Case(
        record,
        tuple(_read_symptom(s) for s in findings),
        tuple(_read_symptom(s) for s in rest["suspicions"]),
        tuple(trial for _, trial in trials),
        next((trial for row, trial in trials if row["is_cure"]), None),
        tuning=next((trial for row, trial in trials if row.get("is_tuning")), None),
        **kept | {name: tuple(kept.get(name, ())) for name in ("left_out", "dismissed")},
        changes=_read_changes(rest.get("changes")),
    )


def _symptom(symptom: Symptom) -> dict[str, Any]:
    return {**asdict(symptom), "explains": sorted(symptom.explains)}


def _read_symptom(row: dict[str, Any]) -> Symptom:
    row = {"is_observation": False, "likely": row.get("confidence", 0.0) >= LIKELY, **row}
    known = {f.name: row[f.name] for f in fields(Symptom)}
    known["where"] = Site(**known["where"]) if known["where"] else None
    known["evidence"] = tuple((name, place) for name, place in known["evidence"])
    return Symptom(**{**known, "explains": frozenset(known["explains"])})


def _trial(trial: Trial) -> dict[str, Any]:
    known: dict[str, Any] = {f.name: getattr(trial, f.name) for f in fields(Trial) if f.name not in NOT_KEPT}
    known["baseline"], known["treated"] = (
        [asdict(a) for a in trial_runs] for trial_runs in (trial.baseline, trial.treated)
    )
    return known


def _read_trial(row: dict[str, Any]) -> Trial:
    own = [f.name for f in fields(Trial) if f.name in row and f.name not in NOT_KEPT]  # older cases lack the newer ones
    known = {name: row[name] for name in own}
    for name in ("baseline", "treated"):
        known[name] = tuple(TrialRun(**trial_run) for trial_run in known[name])
    for name in ("remedies", "interval", "difference", "seeds", "gain", "also_for"):
        known |= {name: tuple(known[name])} if name in known else {}
    return Trial(**known)


def _read_changes(rows: list[dict[str, Any]] | None) -> tuple[Change, ...] | None:
    """Return what a patch does to the files; None where an older case does not say."""
    if rows is None:
        return None
    return tuple(Change(**row | {"lines": tuple((i, j, text) for i, j, text in row["lines"])}) for row in rows)
