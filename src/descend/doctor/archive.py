"""Save a case in the store and load it: findings and trials as dictionaries, next to their runs."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from descend.core.interruption import INTERRUPTED
from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case
from descend.doctor.catalog.diagnosis import diagnose
from descend.doctor.findings import build_case
from descend.doctor.record import Record
from descend.doctor.record.decoding import as_type, reporting_damage
from descend.doctor.record.store import Store
from descend.doctor.script.file_change import FileChange
from descend.doctor.script.run_names import Role
from descend.doctor.trials.proof import Limit, Proof, UntriedRemedy
from descend.doctor.trials.trial import Trial

NOT_STORED = ("script", "parts")  # names of the fields of `Trial` that are not written to the store


@dataclass(frozen=True)
class _StoredConclusion:
    """The stored part of a diagnosis other than its findings and trials, such as suspicions and durations."""

    changes: tuple[FileChange, ...]
    suspicions: tuple[dict[str, Any], ...] = ()
    verified: str = ""
    reproduced: bool | None = None
    bare_s: float = 0.0
    total_s: float = 0.0
    left_out: tuple[str, ...] = ()
    interrupted: bool = False
    interruption: int = INTERRUPTED
    streamed: bool = False
    options: tuple[str, ...] = ()
    dismissed: tuple[str, ...] = ()
    changed: str = ""
    limit: Limit = ""
    untried: tuple[UntriedRemedy, ...] = ()
    skipped: tuple[str, ...] = ()


# names of the fields that `Case` and `_StoredConclusion` share
OF_CASE = ("bare_s", "total_s", "left_out", "streamed", "options", "changes")
# names of the fields that `Proof` and `_StoredConclusion` share
OF_PROOF = ("verified", "reproduced", "interrupted", "interruption", "changed", "limit", "untried", "skipped")


@dataclass(frozen=True)
class _TrialRole:
    """The role of a stored trial: the fix, the fix with a tuned learning rate or optimizer, or neither."""

    is_fix: bool
    is_tuning: bool = False


def save_case(store: Store, case: Case) -> None:
    """Save the findings, suspicions and trials of a diagnosed run in the store."""
    trials = [{**_encode_trial(t), "is_fix": t is case.fix, "is_tuning": t is case.tuning} for t in case.trials]
    conclusion = _StoredConclusion(
        suspicions=tuple(_encode_symptom(s) for s in case.suspicions),
        dismissed=tuple(sorted(case.proof.dismissed)),
        **{name: getattr(case, name) for name in OF_CASE},
        **{name: getattr(case.proof, name) for name in OF_PROOF},
    )
    store.save_case(case.record.run, [_encode_symptom(s) for s in case.findings], [*trials, asdict(conclusion)])


def load_case(store: Store, run: int) -> Case:
    """Load the diagnosis of a stored run, as the consultation has reported it.

    A watched run, which has no trials, is diagnosed again from its record. So is a run whose process was killed before
    it stored a diagnosis. Raise `UsageError` if the store has no run with this number.
    """
    record = store.load(run)
    findings, rows = store.load_case(run)
    with reporting_damage(f"the stored diagnosis of run {run} in {store.where}"):
        conclusion = as_type(_StoredConclusion, rows[-1], "case") if rows else _StoredConclusion(changes=())
        if rows and record.role != Role.WATCH:
            return _decode_case(record, findings, rows[:-1], conclusion)
    with reporting_damage(f"run {run} in {store.where}"):
        case = build_case(record, Proof(tuple(diagnose(record, ignore=conclusion.left_out))))
        return replace(case, total_s=conclusion.total_s, left_out=conclusion.left_out)


def _decode_case(record: Record, findings: list[Any], rows: list[Any], conclusion: _StoredConclusion) -> Case:
    """Build a diagnosis from its stored findings, its trials `rows`, and all other stored fields."""
    trials = [(as_type(_TrialRole, row, "trial"), _decode_trial(row)) for row in rows]
    proof = Proof(
        trials=tuple(trial for _, trial in trials),
        fix=next((trial for role, trial in trials if role.is_fix), None),
        tuning=next((trial for role, trial in trials if role.is_tuning), None),
        withdrawn=frozenset(conclusion.dismissed),  # The store does not say which trial ruled out a suspected problem.
        **{name: getattr(conclusion, name) for name in OF_PROOF},
    )
    return Case(
        record,
        tuple(_decode_symptom(row) for row in findings),
        tuple(_decode_symptom(row) for row in conclusion.suspicions),
        proof,
        **{name: getattr(conclusion, name) for name in OF_CASE},
    )


def _encode_symptom(symptom: Symptom) -> dict[str, Any]:
    """Convert a symptom to the dictionary that is stored for it."""
    return {**asdict(symptom), "explains": sorted(symptom.explains)}


def _decode_symptom(row: Any) -> Symptom:
    """Convert a stored dictionary back to the symptom."""
    return as_type(Symptom, row, "finding")


def _encode_trial(trial: Trial) -> dict[str, Any]:
    """Convert a trial to the dictionary that is stored for it."""
    known: dict[str, Any] = {f.name: getattr(trial, f.name) for f in fields(Trial) if f.name not in NOT_STORED}
    known["baseline"], known["treated"] = (
        [asdict(run) for run in trial_runs] for trial_runs in (trial.baseline, trial.treated)
    )
    return known


def _decode_trial(row: dict[str, Any]) -> Trial:
    """Convert a stored dictionary back to the trial."""
    return as_type(Trial, {name: value for name, value in row.items() if name not in NOT_STORED}, "trial")
