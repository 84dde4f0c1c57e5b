"""Is this one training, or several after each other? A network that is fine-tuned is trained in stages."""

from descend.record import Record

LEAST = 10  # steps: below that it is no training
MOST = 5


def stages(record: Record) -> list[str]:
    """Return the optimizers that one after the other train, or one alone: then the run is a single training.

    A later one begins a stage where the earlier ones step no more, and the script comes to it by a way of its own.
    One that is made by the same way is another round of a loop: of folds, of a sweep, of a rate brought down by hand.
    """
    keys = ["0"]
    for key in map(str, range(1, len(record.places("optimizer")))):
        made = record.fact("optimizer", key) or {}
        after = made.get("after", {})
        if not after or any(_steps(record, earlier) != steps for earlier, steps in after.items()):
            return ["0"]  # they take turns: a GAN's
        if _steps(record, key) >= LEAST and not made.get("again"):
            keys.append(key)
    return keys[:MOST] if _steps(record, "0") >= LEAST else ["0"]


def _steps(record: Record, key: str) -> int:
    steps = record.series("loss", key).steps
    return steps[-1] + 1 if steps else 0
