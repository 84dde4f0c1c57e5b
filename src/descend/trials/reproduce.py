"""Does the patch reproduce its arm? The patched file under plain python, counting steps and nothing else."""

from dataclasses import replace

from descend.record import Record
from descend.script import Script
from descend.trials.arms import Bench, Job
from descend.trials.prove import Proof

LEAST_S = 20.0
ENDLESS = 10**9  # steps
BEYOND = 1.0  # times the bare window's time, in which a patched script is watched beyond its last step


def reproduce(proof: Proof, script: Script, exam: Record, bench: Bench) -> str:
    """Return in one sentence what plain python made of the patched script, by the weights' fingerprints."""
    withdraw_what_fails_later(proof, script, exam, bench)
    cure, arm = proof.cure, proof.arm
    if cure is None or cure.script is None or arm is None:
        return ""
    steps = arm.steps
    if not arm.places("optimizer") or (arm.fact("optimizer", "0") or {}).get("by_hand"):
        if exam.ending is None or exam.ending.reason != "finished":
            return "the script updates its parameters by hand, so plain python could not be stopped at the same step"
        steps = ENDLESS  # to its own end, in both
        arm = bench.run([Job(cure.script, arm.seed, steps)])[0]
    plain = bench.run([Job(cure.script, arm.seed, steps, role="bare")])[0]
    if plain.ending is None or arm.ending is None or plain.ending.reason == "failed":
        return "the patched script could not be run again by itself"
    if plain.ending.weights == arm.ending.weights:
        return f"plain python ends with the same weights, bit for bit, after {arm.steps} steps"
    return (
        "plain python ends with other weights: the script is not deterministic, so the proof rests on the seeds' spread"
    )


def withdraw_what_fails_later(proof: Proof, script: Script, exam: Record, bench: Bench) -> None:
    """Take the cure back where the patched script raises beyond the window and the unchanged one does not.

    What follows the training (an export, a plot) has not been run by any trial.
    """
    cure, ending = proof.cure, exam.ending
    if cure is None or cure.script is None or ending is None or ending.reason != "window":
        return
    seconds = max(LEAST_S, BEYOND * (ending.wall_s - ending.probe_s))
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
