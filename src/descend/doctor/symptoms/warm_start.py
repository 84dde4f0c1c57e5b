"""Warm start with a wrong rate: weights that were good already are thrown away by the first steps."""

from descend.doctor.course.progress import RISEN, first_rise, smoothed
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Howard & Ruder 2018, §3.2: fine-tune with a smaller rate, warmed up, or what was learnt is forgotten"
TRAINED = Bound(0.5, "of the first stage's first loss", "chosen: below it the weights know something")
LOST = Bound(
    2.0, "times the first stage's first loss", "chosen: what was learnt before is lost, whatever the run makes of it"
)


def warm_start(record: Record) -> Sign | None:
    """A later stage that starts from a low loss and makes it rise; above that of untrained weights it is a fact."""
    stage = record.fact(facts.Stage)
    first = stage.first_loss if stage else record.series("loss", "0").first
    for key in _later(record):
        losses = record.series("loss", key)
        rise = first_rise(record, key)
        if not len(losses) or not losses.first < TRAINED * first or rise is None or rise > len(losses) // 2:
            continue
        peak = smoothed(losses).max
        is_lost = peak > LOST * first
        return Sign(
            certain=is_lost,
            likely=True,
            sentence=f"a later stage starts at a loss of {losses.first:.3g}, where the first one began at {first:.3g}, "
            f"and rises to {peak:.3g}{', above what untrained weights cost' if is_lost else ''}: its learning rate is "
            "too high for weights that are trained already",
            quantity="largest loss / first",
            value=peak / losses.first if losses.first else float("inf"),
            bound=RISEN,
            source=SOURCE,
            where=record.site("optimizer", key),
            optimizer=key,
            evidence=(("loss", "0"), ("loss", key), ("learning_rate", key)),
        )
    return None


def _later(record: Record) -> list[str]:
    """Return the optimizers of later stages: the only one where a later stage alone was looked at."""
    stage = record.fact(facts.Stage)
    if stage:
        return ["0"] if stage.number > 1 else []
    made = {key: record.history(facts.Optimizer, key) for key in list(record.every(facts.Optimizer))[1:]}
    return [key for key, begins in made.items() if begins and begins[0].step > 0]  # not together, as a GAN's
