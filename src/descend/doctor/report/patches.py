"""The patches of a case: the proved fix, tuning, unproved and untried edits, and suggestions."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from descend.core.regular_files import replace_file
from descend.doctor.case import Case
from descend.doctor.redaction import mask_secrets
from descend.doctor.report.causes import causes
from descend.doctor.report.formatting import count, one_line
from descend.doctor.report.titles import title_with_id
from descend.doctor.report.verdict import change_message
from descend.doctor.trials.proof import UntriedRemedy
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.verdicts import Verdict


@dataclass(frozen=True)
class Patch:
    """A unified diff of the script. A patch of kind "tuning" has to be applied after the proved fix."""

    kind: Literal["fix", "tuning", "not_proved", "suggestion", "untried"]
    file: str  # name of the file that stores the patch
    diff: str
    sentence: str

    @property
    def has_secret(self) -> bool:
        """Whether the diff has a line with a secret, so that a shown copy has `***` there and cannot be applied."""
        return mask_secrets(self.diff) != self.diff

    @property
    def masked_message(self) -> str:
        """Which file has the diff with its secrets; "" if the diff has no secret."""
        if not self.has_secret:
            return ""
        return f"A line contains a secret, shown as ***. Only {self.file} in the run's folder has the whole line."


def patches(case: Case) -> tuple[Patch, ...]:
    """Return the patches that a report shows, the proved fix first; an empty tuple for a script from standard input."""
    if case.streamed:
        return ()
    shown_patches = []
    if case.fix and case.patch:
        shown_patches.append(Patch("fix", "fix.diff", case.patch, _gain_message(case.fix)))
        if case.tuning and case.tuning.patch:
            change = change_message(replace(case.tuning, before=case.fix.after))
            text = f"in addition to the patch, {_remedy_label(case.tuning)}: {change}{_seed_count_phrase(case.tuning)}"
            shown_patches.append(Patch("tuning", "tuning.diff", case.tuning.patch, text))
    if (unproved_trial := case.unproved_trial) is not None:
        text = f"{_remedy_label(unproved_trial)}, for a certain problem: {title_with_id(unproved_trial.symptom)}"
        text += f"; {unproved_trial.reason or _unproved_result_message(unproved_trial)}"
        shown_patches.append(Patch("not_proved", "not_proved.diff", unproved_trial.patch, text))
    elif (helpful := _helpful_trial(case)) is not None:
        text = f"{_remedy_label(helpful)}, for: {title_with_id(helpful.symptom)}; {_unproved_result_message(helpful)}"
        shown_patches.append(Patch("not_proved", "not_proved.diff", helpful.patch, text))
    for i, trial in enumerate((trial for trial in case.trials if trial.verdict == Verdict.SUGGESTED), 1):
        text = f"{_gain_message(trial)}; {one_line(trial.metric, 100)}"
        shown_patches.append(Patch("suggestion", f"suggestion-{i}.diff", trial.patch, text))
    for i, remedy in enumerate(_untried_remedies(case), 1):
        text = f"{one_line(remedy.label, 100)}, for: {title_with_id(remedy.symptoms[0])}"
        text += "; not tried, so its effect is unknown"
        shown_patches.append(Patch("untried", f"untried-{i}.diff", remedy.patch, text))
    return tuple(shown_patches)


def _helpful_trial(case: Case) -> Trial | None:
    """Return the first trial with a gain on one seed, if time for a proof was missing; None without such a trial."""
    if case.fix or case.proof.limit != "budget":
        return None
    return next((trial for trial in case.trials if trial.verdict == Verdict.HELPS and trial.patch), None)


def _untried_remedies(case: Case) -> list[UntriedRemedy]:
    """Return the first untried remedy of each problem that is reported without another patch; none if a fix exists."""
    if case.fix:
        return []
    tried_trial = case.unproved_trial or _helpful_trial(case)
    tried_problems = set(tried_trial.symptoms) if tried_trial else set()
    problems = [*causes(case), *case.undecided_suspicions]
    first_remedies = [next((r for r in case.proof.untried if problem.id in r.symptoms), None) for problem in problems]
    open_remedies = [
        remedy for remedy in first_remedies if remedy is not None and tried_problems.isdisjoint(remedy.symptoms)
    ]
    return list({remedy.patch: remedy for remedy in open_remedies}.values())


def write_patches(case: Case, folder: Path) -> None:
    """Write each patch of a case to a file in `folder` that only the owner can read, with secrets unmasked."""
    for patch in patches(case):
        replace_file(folder / patch.file, patch.diff.encode())


def _gain_message(trial: Trial) -> str:
    """Return the label of a remedy, and by how much it changed the evaluation metric on how many seeds."""
    return f"{_remedy_label(trial)}: {change_message(trial)}{_seed_count_phrase(trial)}"


def _unproved_result_message(trial: Trial) -> str:
    """Return the result of a trial that did not prove its remedy, as part of a sentence."""
    if trial.verdict == Verdict.HELPS:
        return f"its trial showed a gain on one seed, which is not a proof: {change_message(trial)}"
    if trial.verdict == Verdict.WORSE:
        change = change_message(trial)
        return f"its trial was worse with the learning rate of the faulty run, which needs to be tuned again: {change}"
    is_gain = trial.after < trial.before
    return f"its trial showed {'too small a gain' if is_gain else 'no gain'}: {change_message(trial)}"


def _remedy_label(trial: Trial) -> str:
    """Return the label of the remedy in a trial, with at most 100 characters."""
    return one_line(trial.label, 100)


def _seed_count_phrase(trial: Trial) -> str:
    """Return the number of seeds of a trial as a phrase, such as ` on 5 seeds`; "" without seeds."""
    return f" on {count(len(trial.seeds), 'seed')}" if trial.seeds else ""
