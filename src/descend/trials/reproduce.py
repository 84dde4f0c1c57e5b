"""Does the patch reproduce its arm? The patched file under plain python, counting steps and nothing else."""

from dataclasses import replace

from descend.record import Record
from descend.script import Script
from descend.trials.arms import Bench, Job
from descend.trials.candidate import horizon
from descend.trials.prove import Proof

NUMBERS = frozenset({"learning_rate", "optimizer_argument", "dropout_rate", "clip_threshold", "training_length"})
LEAST_S = 20.0
ENDLESS = 10**9  # steps
BEYOND = 1.0  # times the bare window's time, in which a patched script is watched beyond its last step


def reproduce(proof: Proof, script: Script, exam: Record, bench: Bench) -> str:
    """Return in one sentence what plain python made of the patched script, by the weights' fingerprints."""
    withdraw_what_fails_later(proof, script, exam, bench)
    cure, arm = proof.cure, proof.arm
    if cure is None or cure.script is None or arm is None:
        return ""
    if not arm.places("optimizer") or (arm.fact("optimizer", "0") or {}).get("by_hand"):
        # plain python cannot be stopped at a step that only the script knows: to its own end
        seconds = _time_to_its_end(exam)
        arm, plain = bench.run(
            [Job(cure.script, arm.seed, ENDLESS, role=role, seconds=seconds) for role in ("arm", "bare")]
        )
        if {r.ending.reason for r in (arm, plain) if r.ending} != {"finished"}:
            return "the script updates its parameters by hand, so plain python could not be stopped at the same step"
    else:
        steps = horizon(arm)
        plain = bench.run([Job(cure.script, arm.seed, steps, role="bare")])[0]
    if plain.ending is None or arm.ending is None or plain.ending.reason == "failed":
        return "the patched script could not be run again by itself"
    if not (plain.ending.weights and arm.ending.weights):
        return "the patched script's weights could not be compared with those under plain python"
    if plain.ending.weights == arm.ending.weights:
        off = " (torch.compile switched off)" if any(note.probe == "torch.compile" for note in exam.notes) else ""
        return f"plain python{off} ends with the same weights, bit for bit, after {arm.steps} steps"
    return (
        "plain python ends with other weights: the script is not deterministic, so the proof rests on the seeds' spread"
    )


def withdraw_what_fails_later(proof: Proof, script: Script, exam: Record, bench: Bench) -> None:
    """Take the cure back where the patched script raises beyond its last step and the unchanged one does not.

    What follows the training (an export, a plot) has not been run by any trial. Another number cannot break it.
    """
    cure, ending = proof.cure, exam.ending
    if cure is None or cure.script is None or ending is None:
        return
    if ending.reason == "finished" and NUMBERS.issuperset(cure.remedies):
        return
    seconds = _time_to_its_end(exam)
    changed = bench.run([Job(cure.script, exam.seed, ENDLESS, role="bare", seconds=seconds)])[0]
    if changed.ending is None or changed.ending.reason != "failed":
        return
    unchanged = bench.run([Job(script, exam.seed, ENDLESS, role="bare", seconds=seconds)])[0]
    if unchanged.ending is not None and unchanged.ending.reason == "failed":
        return
    error = (changed.ending.error.strip().splitlines() or ["?"])[-1]
    failed = replace(cure, verdict="failed", reason=f"the changed script fails after its training: {error}")
    proof.trials = [failed if trial is cure else trial for trial in proof.trials]
    proof.cure = proof.arm = None


def _time_to_its_end(exam: Record) -> float:
    """Return for how many seconds of training a script is let run to its own end."""
    return max(LEAST_S, BEYOND * (exam.ending.wall_s - exam.ending.probe_s) if exam.ending else 0.0)
