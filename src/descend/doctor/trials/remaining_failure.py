"""Decide whether a script still fails with its fix, from a run of the fixed script up to the script's last output."""

from math import isfinite

from descend.doctor.assess.summary import LEFT_TO_LEARN, summarise
from descend.doctor.record import Record
from descend.doctor.script.run_names import EndReason
from descend.doctor.trials.candidate import reference_cost
from descend.doctor.trials.study import Job, Study
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.verdicts import Verdict


def still_fails(fix: Trial, trial_run: Record | None, baseline: Record) -> bool:
    """Return whether a script with a proved fix leaves a relevant part of its task to learn, or may fail elsewhere.

    trial_run: the run of the fix with the seed of the baseline run, up to the script's last output.
    """
    if fix.script is None or fix.verdict != Verdict.PROVED or fix.judged_on not in ("fixed", "training", "metric"):
        return False
    if isfinite(fix.after) and fix.after > LEFT_TO_LEARN * reference_cost(fix.before, baseline, fix.judged_on):
        return True
    return trial_run is not None and summarise(baseline.with_readings_of(trial_run)).may_fail_beyond_training_loss


def complete_trial_run(study: Study, trial: Trial, trial_run: Record | None) -> Record | None:
    """Return a run of the edited script that includes the output after the last step.

    trial_run: the run of the trial with the seed of the baseline run. It is returned if it includes that output, and
    otherwise repeated with one more step. Raises `OutOfTime`.
    """
    ending = study.baseline.ending
    if trial.script is None or trial_run is None or ending is None or ending.reason != EndReason.FINISHED:
        return trial_run
    if set(study.baseline.places("logged_metric")) <= set(trial_run.places("logged_metric")):
        return trial_run
    if trial.edit_id not in study.completed:
        [study.completed[trial.edit_id]] = study.run([Job(trial.script, trial_run.seed, trial_run.steps + 1)])
    return study.completed[trial.edit_id]
