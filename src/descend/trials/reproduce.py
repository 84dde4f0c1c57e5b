"""Does the patch reproduce its arm? The patched file under plain python, counting steps and nothing else."""

from descend.trials.arms import Bench, Job
from descend.trials.prove import Proof


def reproduce(proof: Proof, bench: Bench) -> str:
    """Return in one sentence what plain python made of the patched script, by the weights' fingerprints."""
    cure, arm = proof.cure, proof.arm
    if cure is None or cure.script is None or arm is None:
        return ""
    if not arm.places("optimizer"):
        return "the script updates its parameters by hand, so plain python could not be stopped at the same step"
    plain = bench.run([Job(cure.script, arm.seed, arm.steps, role="bare")])[0]
    if plain.ending is None or arm.ending is None or plain.ending.reason == "failed":
        return "the patched script could not be run again by itself"
    if plain.ending.weights == arm.ending.weights:
        return f"plain python ends with the same weights, bit for bit, after {plain.steps} steps"
    return (
        "plain python ends with other weights: the script is not deterministic, so the proof rests on the seeds' spread"
    )
