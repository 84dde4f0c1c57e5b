"""Is this one training, or several after each other? A network that is fine-tuned is trained in stages."""

from descend.record import Record

LEAST = 10  # steps: below that it is no training
TRAINED = 0.5  # of the first stage's first loss: below it the weights know something
MOST = 5


def stages(record: Record) -> list[str]:
    """Return the optimizers that one after the other train, or one alone: then the run is a single training.

    A later one is a stage where it goes on with weights that were trained before, or is made in a line of its own.
    One made in the same line for a network of its own is another fold of the same data, or another try.
    """
    keys = ["0"]
    for key in map(str, range(1, len(record.places("optimizer")))):
        made = record.fact("optimizer", key) or {}
        after = made.get("after", {})
        if not after or any(_steps(record, earlier) != steps for earlier, steps in after.items()):
            return ["0"]  # they take turns: a GAN's
        if _steps(record, key) >= LEAST and (made.get("shares") or _goes_on(record, key) or _is_elsewhere(record, key)):
            keys.append(key)
    return keys[:MOST] if _steps(record, "0") >= LEAST else ["0"]


def _steps(record: Record, key: str) -> int:
    steps = record.series("loss", key).steps
    return steps[-1] + 1 if steps else 0


def _goes_on(record: Record, key: str) -> bool:
    return record.series("loss", key).first < TRAINED * record.series("loss", "0").first


def _is_elsewhere(record: Record, key: str) -> bool:
    lines = {(site.file, site.line) for k in map(str, range(int(key))) if (site := record.site("optimizer", k))}
    site = record.site("optimizer", key)
    return site is not None and (site.file, site.line) not in lines
