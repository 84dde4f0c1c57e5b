"""The stages of a script: several training loops after each other, such as pretraining and fine-tuning."""

from descend.core.bound import Count
from descend.doctor.record import Record, facts

LEAST = Count(10, "steps of a stage", "chosen: a loop with fewer steps does not count as training")
MOST = 5


def stages(record: Record) -> list[str]:
    """Return the keys of the optimizers of a script's training stages; ["0"] if the script has only one stage.

    The key of an optimizer is its number in the order of creation, as text.

    A later optimizer begins a stage if the earlier ones have stopped stepping and another line of the script creates
    it. An optimizer of the same line is another round of a loop: over folds, a sweep, or a decayed learning rate.
    """
    keys, optimizers = ["0"], record.every(facts.Optimizer)
    for key in map(str, range(1, len(optimizers))):
        made = optimizers.get(key)
        after = made.after.items() if made else ()
        if not made or not after or any(_step_count(record, earlier) != steps for earlier, steps in after):
            return ["0"]  # The optimizers take turns, as in a GAN.
        if _step_count(record, key) >= LEAST and not made.again:
            keys.append(key)
    return keys[:MOST] if _step_count(record, "0") >= LEAST else ["0"]


def consecutive_optimizers(record: Record) -> dict[str, int]:
    """Map each optimizer to its number of steps if each starts after the previous one ended; empty if they alternate.

    The order of their creation does not matter.
    """
    firsts = record.every(facts.FirstStep)
    after = {key: firsts[key].after if key in firsts else {} for key in record.every(facts.Optimizer)}
    steps = {key: taken for key in after if (taken := _step_count(record, key))}
    order = sorted(steps, key=lambda key: sum(after[key].values()))
    for place, key in enumerate(order):
        if any(after[key].get(earlier, 0) != steps[earlier] for earlier in order[:place]):
            return {}
    return {key: steps[key] for key in order} if len(order) > 1 else {}


def unobserved_steps(record: Record) -> int:
    """Return the number of optimizer steps in later training stages that were not observed.

    Further rounds of an observed training, such as other folds, do not count.
    """
    seen = stages(record)
    rest = list(consecutive_optimizers(record).items())[1:]
    later = [(steps, record.fact(facts.Optimizer, key)) for key, steps in rest if key not in seen]
    return sum(steps for steps, made in later if not _repeats_training(made))


def _repeats_training(made: facts.Optimizer | None) -> bool:
    """Return whether an optimizer repeats an earlier training, for example for the next fold of a cross-validation."""
    return made is not None and made.again and any(made.after.values())


def _step_count(record: Record, key: str) -> int:
    """Return the number of steps that an optimizer took."""
    steps = record.series("loss", key).steps
    return steps[-1] + 1 if steps else 0
