"""The patches of a case: the cure, what tuning adds to it, the edit of a sure fact that is not proved, suggestions."""

from dataclasses import dataclass, replace
from pathlib import Path

from descend.doctor.case import Case
from descend.doctor.report.titles import title
from descend.doctor.report.verdict import change
from descend.doctor.report.wording import count, one_line
from descend.doctor.trials.trial import Trial
from descend.ground.regular_files import replace_file


@dataclass(frozen=True)
class Patch:
    """One unified diff: of the script as it is, and of the cured one for tuning, which goes on top of the cure."""

    kind: str  # cure, tuning, not_proved or suggestion
    file: str  # what it is kept as
    diff: str
    sentence: str


def patches(case: Case) -> tuple[Patch, ...]:
    """Return the patches of a case, the cure first; none of a script that came in by a pipe."""
    if case.streamed:
        return ()
    found = []
    if case.cure and case.patch:
        found.append(Patch("cure", "fix.diff", case.patch, _gain(case.cure)))
        if case.tuning and case.tuning.patch:
            further = change(replace(case.tuning, before=case.cure.after))
            told = f"on top of the patch, {_label(case.tuning)}: {further}{_seeds(case.tuning)}"
            found.append(Patch("tuning", "tuning.diff", case.tuning.patch, told))
    if (unproved := case.unproved) is not None:
        of = f"{_label(unproved)}, for what is sure: {title(unproved.symptom)}"
        told = f"{of}; {unproved.reason or _shown(unproved)}"
        found.append(Patch("not_proved", "not_proved.diff", unproved.patch, told))
    for i, trial in enumerate((trial for trial in case.trials if trial.verdict == "suggested"), 1):
        told = f"{_gain(trial)}; {one_line(trial.metric, 100)}"
        found.append(Patch("suggestion", f"suggestion-{i}.diff", trial.patch, told))
    return tuple(found)


def write_patches(case: Case, folder: Path) -> None:
    """Write each patch of a case, exact as it is, into `folder`, for its owner alone."""
    for patch in patches(case):
        replace_file(folder / patch.file, patch.diff.encode())


def _gain(trial: Trial) -> str:
    return f"{_label(trial)}: {change(trial)}{_seeds(trial)}"


def _shown(trial: Trial) -> str:
    """Return what a trial without a proof has shown."""
    if trial.verdict == "helps":
        return f"its trial on one seed showed a gain, {change(trial)}, which is not proved"
    if trial.verdict == "worse":
        return f"its trial ended worse at the learning rate chosen for the fault, {change(trial)}; search it again"
    is_gain = trial.after < trial.before
    return f"its trial showed {'too little' if is_gain else 'no gain'}: {change(trial)}"


def _label(trial: Trial) -> str:
    return one_line(trial.label, 100)


def _seeds(trial: Trial) -> str:
    return f" on {count(len(trial.seeds), 'seed')}" if trial.seeds else ""
