"""Is this one training, or several after each other? A network that is fine-tuned is trained in stages."""

from descend.doctor.record import Record, facts
from descend.ground.bound import Count

LEAST = Count(10, "steps", "chosen: fewer are no training")
MOST = 5


def stages(record: Record) -> list[str]:
    """Return the optimizers that one after the other train, or one alone: then the run is a single training.

    A later one begins a stage where the earlier ones step no more, and the script comes to it by a way of its own.
    One that is made by the same way is another round of a loop: of folds, of a sweep, of a rate brought down by hand.
    """
    keys, optimizers = ["0"], record.every(facts.Optimizer)
    for key in map(str, range(1, len(optimizers))):
        made = optimizers.get(key)
        if not made or not made.after or any(_steps(record, earlier) != steps for earlier, steps in made.after.items()):
            return ["0"]  # they take turns: a GAN's
        if _steps(record, key) >= LEAST and not made.again:
            keys.append(key)
    return keys[:MOST] if _steps(record, "0") >= LEAST else ["0"]


def one_by_one(record: Record) -> dict[str, int]:
    """Return the optimizers that step one after the other, in that order, with their steps; none where they do not.

    When they are made says nothing of that.
    """
    firsts = record.every(facts.FirstStep)
    after = {key: firsts[key].after if key in firsts else {} for key in record.every(facts.Optimizer)}
    steps = {key: taken for key in after if (taken := _steps(record, key))}
    order = sorted(steps, key=lambda key: sum(after[key].values()))
    for place, key in enumerate(order):
        if any(after[key].get(earlier, 0) != steps[earlier] for earlier in order[:place]):
            return {}
    return {key: steps[key] for key in order} if len(order) > 1 else {}


def unseen_steps(record: Record) -> int:
    """Return how many steps are taken behind those of the first optimizer, and are no stage that is looked at.

    Further rounds of what was looked at, as of folds, are no other training: each has its optimizer made anew.
    """
    seen = stages(record)
    rest = list(one_by_one(record).items())[1:]
    return sum(steps for key, steps in rest if key not in seen and not _is_round(record.fact(facts.Optimizer, key)))


def _is_round(made: facts.Optimizer | None) -> bool:
    return made is not None and made.again and any(made.after.values())


def _steps(record: Record, key: str) -> int:
    steps = record.series("loss", key).steps
    return steps[-1] + 1 if steps else 0
