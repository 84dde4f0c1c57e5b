"""Does the patch reproduce its trial run? The patched file under plain python, counting steps and nothing else."""

from dataclasses import replace

from descend.doctor.record import Ending, Record, facts
from descend.doctor.record.failures import cause_of
from descend.doctor.trials.candidate import horizon
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.study import Job, Study, fails_alike
from descend.doctor.trials.trial import Trial

NUMBERS = frozenset(
    {"batch_size", "learning_rate", "optimizer_argument", "dropout_rate", "clip_threshold", "training_length"}
)
LEAST_S = 20.0
ENDLESS = 10**9  # steps
BEYOND = 1.0  # times the bare window's time, in which a patched script is watched beyond its last step


def reproduce(study: Study, proof: Proof) -> Proof:
    """Return the proof with a sentence on what plain python made of the patched script, by the weights' fingerprints.

    A cure whose script raises after its training is taken back.
    """
    said = _made_by_plain_python(study, proof)
    return said if isinstance(said, Proof) else replace(proof, verified=said)


def _made_by_plain_python(study: Study, proof: Proof) -> str | Proof:
    """Return it in one sentence, or the proof without the cure."""
    baseline = study.baseline
    cure, trial_run = proof.cure, proof.trial_run
    if cure is None or cure.script is None or trial_run is None:
        return ""
    optimizers = trial_run.every(facts.Optimizer)
    by_hand = not optimizers or "0" in optimizers and optimizers["0"].by_hand
    as_far = Job(cure.script, trial_run.seed, horizon(trial_run), role="bare")
    to_its_end = Job(cure.script, baseline.seed, ENDLESS, role="bare", seconds=_time_to_its_end(baseline))
    plains: list[Record] = []
    if baseline.ending is not None and not _is_another_number(cure, baseline.ending):
        cut_off = baseline.ending.reason == "window" and not by_hand
        plains = study.run([to_its_end, as_far] if cut_off else [to_its_end])
        if reason := _failure_beyond(plains[0], replace(to_its_end, script=study.script), study):
            failed = replace(cure, verdict="failed", reason=reason)
            return proof.telling(failed, instead_of=cure).without_cure()
    if by_hand:  # plain python cannot be stopped at a step that only the script knows: to its own end
        trial_run, plain = study.run([replace(to_its_end, role=role) for role in ("trial_run", "bare")])
        if _reason(trial_run) != _reason(plain) or _reason(trial_run) not in ("finished", _failing(baseline)):
            return "the script updates its parameters by hand, so plain python could not be stopped at the same step"
    else:
        same = [plain for plain in plains if _weights(plain) == _weights(trial_run)]
        plain = (same or plains[1:] or study.run([as_far]))[0]
    fails = _reason(plain) == "failed"
    if plain.ending is None or trial_run.ending is None or fails and not _failing(baseline):
        why = cause_of(plain.ending.error) if plain.ending else ""
        return f"the patched script could not be run again by itself{f': {why}' if why else ''}"
    if not (_weights(plain) and _weights(trial_run)):
        return "the patched script's weights could not be compared with those under plain python"
    if _weights(plain) == _weights(trial_run):
        off = " (torch.compile switched off)" if any(note.probe == "torch.compile" for note in baseline.notes) else ""
        then = ", and then fails as before" if fails else ""
        steps = f"after {trial_run.steps} steps{then}"
        return f"under plain python{off} the patched script has its trial's weights, bit for bit, {steps}"
    return "plain python ends with other weights: the patched script is not deterministic: the seeds' spread decides"


def _reason(record: Record) -> str:
    return record.ending.reason if record.ending else ""


def _failing(baseline: Record) -> str:
    return _reason(baseline) if _reason(baseline) == "failed" else ""


def _weights(record: Record) -> str:
    return record.ending.weights if record.ending else ""


def _is_another_number(cure: Trial, ending: Ending) -> bool:
    """Whether nothing can break beyond the last step: all of the training was seen, and only a number changes."""
    return ending.reason == "finished" and NUMBERS.issuperset(cure.remedies)


def _failure_beyond(changed: Record, unchanged: Job, study: Study) -> str:
    """Return how the patched script raises beyond its last step, where the unchanged one does not so; else "".

    What follows the training (an export, a plot) has not been run by any trial. An unchanged script that fails
    before it comes as far tells nothing.
    """
    if changed.ending is None or changed.ending.reason != "failed":
        return ""
    ending = study.run([unchanged])[0].ending
    if ending and ending.reason == "failed" and (fails_alike(changed.ending, ending) or ending.steps < changed.steps):
        return ""
    error = cause_of(changed.ending.error) or f"status {changed.ending.status}"
    return f"the changed script fails after its training: {error}"


def _time_to_its_end(baseline: Record) -> float:
    """Return for how many seconds of training a script is let run to its own end."""
    return max(LEAST_S, BEYOND * (baseline.ending.wall_s - baseline.ending.probe_s) if baseline.ending else 0.0)
