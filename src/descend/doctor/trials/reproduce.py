"""Check that the patched file reproduces its trial run under plain python, where only the steps are counted."""

from dataclasses import replace

from descend.doctor.record import Ending, Record, facts
from descend.doctor.record.exception_lines import exception_line
from descend.doctor.script.run_names import EndReason, Role
from descend.doctor.trials.candidate import trial_steps
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.study import TO_THE_END, Job, Study, have_same_failure
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.verdicts import Verdict

NUMBER_REMEDIES = frozenset(
    {"batch_size", "learning_rate", "optimizer_argument", "dropout_rate", "clip_threshold", "training_length"}
)
LEAST_S = 20.0  # The patched script may train for at least this number of seconds before it is stopped.
# The patched script may train for this multiple of the baseline's time without measurements, if that is longer.
TIMES_BASELINE = 1.0


def check_reproduction(study: Study, proof: Proof) -> Proof:
    """Run the patched script under plain python, and store in the proof whether its final weights equal the trial's.

    A fix whose script fails after its training is taken back.
    """
    fix, trial_run = proof.fix, proof.trial_run
    if fix is None or fix.script is None or trial_run is None:
        return replace(proof, verified="", reproduced=None)
    to_its_end = _full_run_job(study, fix)
    runs: list[Record] = []
    ending = study.baseline.ending
    if ending is not None and not _changes_only_number(fix, ending):
        cut_off = ending.reason == EndReason.WINDOW and not _updates_parameters_itself(trial_run)
        runs = study.run([to_its_end, _equal_steps_job(trial_run, fix)] if cut_off else [to_its_end])
        if reason := _late_failure_message(runs[0], replace(to_its_end, script=study.script), study):
            failed = replace(fix, verdict=Verdict.FAILED, reason=reason)
            return proof.with_trial(failed, instead_of=fix).without_fix()
    reproduced, message = _compare_with_plain_python(runs, fix, trial_run, study)
    return replace(proof, verified=message, reproduced=reproduced)


def _full_run_job(study: Study, fix: Trial) -> Job:
    """Return the job that runs the patched script under plain python until the script ends by itself."""
    assert fix.script is not None
    seconds = _seconds_to_end(study.baseline)
    return Job(fix.script, study.baseline.seed, TO_THE_END, role="bare", seconds=seconds)


def _equal_steps_job(trial_run: Record, fix: Trial) -> Job:
    """Return the job that runs the patched script under plain python for as many steps as its trial."""
    assert fix.script is not None
    return Job(fix.script, trial_run.seed, trial_steps(trial_run), role="bare")


def _updates_parameters_itself(trial_run: Record) -> bool:
    """Return whether a script updates its parameters in its own code and not by a PyTorch optimizer."""
    optimizers = trial_run.every(facts.Optimizer)
    return not optimizers or "0" in optimizers and optimizers["0"].by_hand


def _compare_with_plain_python(
    runs: list[Record], fix: Trial, trial_run: Record, study: Study
) -> tuple[bool | None, str]:
    """Return whether a run under plain python has exactly the final weights of the trial, and a sentence which says so.

    The first value is None if the weights could not be compared.
    runs: the runs of the patched script under plain python so far.
    """
    baseline = study.baseline
    baseline_failed = _ending_reason(baseline) == EndReason.FAILED
    # Steps cannot be counted without an optimizer, so both runs continue until the script ends.
    if _updates_parameters_itself(trial_run):
        job = _full_run_job(study, fix)
        trial_run, plain = study.run([replace(job, role=role) for role in (Role.TRIAL_RUN, Role.BARE)])
        ends = (EndReason.FINISHED, EndReason.FAILED) if baseline_failed else (EndReason.FINISHED, "")
        if _ending_reason(trial_run) != _ending_reason(plain) or _ending_reason(trial_run) not in ends:
            return (
                None,
                "the script updates its parameters by hand, so plain python could not be stopped at the same step",
            )
    else:
        same = [run for run in runs if _weights_hash(run) == _weights_hash(trial_run)]
        plain = (same or runs[1:] or study.run([_equal_steps_job(trial_run, fix)]))[0]
    fails = _ending_reason(plain) == EndReason.FAILED
    if plain.ending is None or trial_run.ending is None or fails and not baseline_failed:
        why = exception_line(plain.ending.error) if plain.ending else ""
        return None, f"the patched script could not be run under plain python{f': {why}' if why else ''}"
    if not (_weights_hash(plain) and _weights_hash(trial_run)):
        return None, "the weights of the patched script could not be compared with those of a run under plain python"
    if _weights_hash(plain) == _weights_hash(trial_run):
        off = " (torch.compile switched off)" if any(note.probe == "torch.compile" for note in baseline.notes) else ""
        then = ", and then fails as before" if fails else ""
        steps = f"after {trial_run.steps} steps{then}"
        return True, f"under plain python{off} the patched script reproduces its trial's weights, bit for bit, {steps}"
    return (
        False,
        "under plain python the final weights differ: the script is not deterministic, "
        "so only results on several seeds count",
    )


def _ending_reason(record: Record) -> str:
    """Return why a run ended, such as "finished" or "failed"; "" if its end was not recorded."""
    return record.ending.reason if record.ending else ""


def _weights_hash(record: Record) -> str:
    """Return the hash of the final weights of a run; "" if it is unknown."""
    return record.ending.weights if record.ending else ""


def _changes_only_number(fix: Trial, ending: Ending) -> bool:
    """Return whether a fix only changes numbers in a script that ran to its end, so that later code cannot fail."""
    return ending.reason == EndReason.FINISHED and NUMBER_REMEDIES.issuperset(fix.remedies)


def _late_failure_message(changed: Record, unchanged: Job, study: Study) -> str:
    """Return how the patched script fails after its training; "" if it does not, or if the fix is not the cause.

    No trial has run the code after the training, such as an export or a plot. If the unchanged script fails earlier,
    nothing is known about that code.
    """
    if changed.ending is None or changed.ending.reason != EndReason.FAILED:
        return ""
    ending = study.run([unchanged])[0].ending
    if ending and ending.reason == EndReason.FAILED:
        if have_same_failure(changed.ending, ending) or ending.steps < changed.steps:
            return ""
    error = exception_line(changed.ending.error) or f"status {changed.ending.status}"
    return f"the changed script fails after its training: {error}"


def _seconds_to_end(baseline: Record) -> float:
    """Return the number of seconds after which the training of the patched script is stopped."""
    return max(LEAST_S, TIMES_BASELINE * (baseline.ending.wall_s - baseline.ending.probe_s) if baseline.ending else 0.0)
