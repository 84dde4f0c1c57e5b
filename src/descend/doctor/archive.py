"""A case into the store and out of it again: findings and trials as plain dictionaries beside their runs."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from descend.doctor.case import Case
from descend.doctor.record import Record
from descend.doctor.record.decoding import as_type, intact
from descend.doctor.record.store import Store
from descend.doctor.script.change import Change
from descend.doctor.symptoms import Symptom
from descend.doctor.trials.trial import Trial
from descend.ground.interruption import INTERRUPTED

LIKELY = 0.8  # the least confidence of older cases that is likely now
NOT_KEPT = ("script", "parts")  # of a trial


@dataclass(frozen=True)
class _Rest:
    """What is kept of a case next to its findings and trials; older cases have only some of it."""

    suspicions: tuple[dict[str, Any], ...]
    verified: str = ""
    bare_s: float = 0.0
    total_s: float = 0.0
    left_out: tuple[str, ...] = ()
    interrupted: bool = False
    interruption: int = INTERRUPTED
    streamed: bool = False
    dismissed: tuple[str, ...] = ()
    changed: str = ""
    changes: tuple[Change, ...] | None = None  # None where an older case does not say


KEPT_AS_THEY_ARE = tuple(field.name for field in fields(_Rest) if field.name not in ("suspicions", "changes"))


@dataclass(frozen=True)
class _Role:
    """Which of a case's trials a trial is."""

    is_cure: bool
    is_tuning: bool = False


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


def _case(record: Record, findings: list[Any], rows: list[Any]) -> Case:
    rest = as_type(_Rest, rows.pop() if rows else {"suspicions": []}, "case")
    trials = [(as_type(_Role, row, "trial"), _read_trial(row)) for row in rows]
    return Case(
        record,
        tuple(_read_symptom(row) for row in findings),
        tuple(_read_symptom(row) for row in rest.suspicions),
        tuple(trial for _, trial in trials),
        next((trial for role, trial in trials if role.is_cure), None),
        tuning=next((trial for role, trial in trials if role.is_tuning), None),
        changes=rest.changes,
        **{name: getattr(rest, name) for name in KEPT_AS_THEY_ARE},
    )


def _symptom(symptom: Symptom) -> dict[str, Any]:
    return {**asdict(symptom), "explains": sorted(symptom.explains)}


def _read_symptom(row: Any) -> Symptom:
    kept = as_type(dict[str, Any], row, "finding")
    confidence = as_type(float, kept.get("confidence", 0.0), "finding's confidence")
    return as_type(Symptom, {"is_observation": False, "likely": confidence >= LIKELY, **kept}, "finding")


def _trial(trial: Trial) -> dict[str, Any]:
    known: dict[str, Any] = {f.name: getattr(trial, f.name) for f in fields(Trial) if f.name not in NOT_KEPT}
    known["baseline"], known["treated"] = (
        [asdict(a) for a in trial_runs] for trial_runs in (trial.baseline, trial.treated)
    )
    return known


def _read_trial(row: dict[str, Any]) -> Trial:
    return as_type(Trial, {name: value for name, value in row.items() if name not in NOT_KEPT}, "trial")
