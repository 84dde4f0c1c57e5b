"""Warm start with a wrong rate: weights that were good already are thrown away by the first steps."""

from descend.record import Record
from descend.symptoms.progress import first_rise, smoothed
from descend.symptoms.symptom import Symptom

SOURCE = "Howard & Ruder 2018, §3.2: fine-tune with a smaller rate, warmed up, or what was learnt is forgotten"
TRAINED = 0.5  # of the first stage's first loss: below it the weights know something
LOST = 2.0  # times the first stage's first loss: what was learnt before is lost, whatever the run makes of it


def warm_start(record: Record) -> Symptom | None:
    """A later optimizer that starts from a low loss and makes it rise; above that of untrained weights it is a fact."""
    first = record.series("loss", "0").first
    for key in record.places("optimizer")[1:]:
        losses = record.series("loss", key)
        rise = first_rise(record, key)
        begins = record.history("optimizer", key)
        if not begins or begins[0].step == 0:
            continue  # made together with the first: a GAN's, not a second stage's
        if not len(losses) or not losses.first < TRAINED * first or rise is None or rise > len(losses) // 2:
            continue
        peak = smoothed(losses).max
        is_lost = peak > LOST * first
        return Symptom(
            id="warm_start",
            kind="dynamics",
            certain=is_lost,
            confidence=0.85,
            sentence=f"the second stage starts at a loss of {losses.first:.3g}, where the first one began at "
            f"{first:.3g}, and "
            f"rises to {peak:.3g}{', above what untrained weights cost' if is_lost else ''}: its learning rate is too "
            "high for weights that are trained already",
            quantity="largest loss / first",
            value=peak / losses.first if losses.first else float("inf"),
            bound=1.25,
            source=SOURCE,
            where=record.site("optimizer", key),
            optimizer=key,
            evidence=(("loss", "0"), ("loss", key), ("learning_rate", key)),
            explains=frozenset({"instability", "dead_units", "cliff"}),
        )
    return None
