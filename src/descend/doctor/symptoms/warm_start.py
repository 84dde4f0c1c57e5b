"""Warm start with a wrong rate: weights that were good already are thrown away by the first steps."""

from descend.doctor.course.progress import LEFT_TO_LEARN, RISEN, constant_cost, cost_left, first_rise, smoothed
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Howard & Ruder 2018, §3.2: fine-tune with a smaller rate, warmed up, or what was learnt is forgotten"
TRAINED = Bound(0.5, "of the first stage's first loss", "chosen: below it the weights know something")
LOST = Bound(
    2.0, "times the first stage's first loss", "chosen: what was learnt before is lost, whatever the run makes of it"
)


def warm_start(record: Record) -> Sign | None:
    """A later stage, or loaded weights, with a low loss that rises; above that of untrained weights it is a fact."""
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
    return _from_file(record)


def _from_file(record: Record) -> Sign | None:
    """Weights that the script loads, that cost little at the first step, and much soon after it."""
    loaded, constant, losses = record.fact(facts.LoadedWeights), constant_cost(record), record.series("loss", "0")
    if loaded is None or constant is None or 2 * loaded.tensors < loaded.of:
        return None
    rise, peak = first_rise(record, "0"), smoothed(losses).max
    if rise is None or rise > len(losses) // 2 or not losses.first < TRAINED * constant:
        return None
    if not peak > LEFT_TO_LEARN * constant or not cost_left(record) > LEFT_TO_LEARN:
        return None
    return Sign(
        certain=False,
        likely=True,
        sentence=f"load_state_dict gave the network {loaded.tensors} of its {loaded.of} tensors, and the first loss is "
        f"{losses.first:.3g}, where the best constant prediction costs {constant:.3g}. Then the loss rises to "
        f"{peak:.3g}: the learning rate is too high for weights that are trained already",
        quantity="largest loss / first",
        value=peak / losses.first if losses.first else float("inf"),
        bound=RISEN,
        source=SOURCE,
        where=record.site("optimizer", "0"),
        evidence=(("loss", "0"), ("learning_rate", "0")),
    )


def _later(record: Record) -> list[str]:
    """Return the optimizers of later stages: the only one where a later stage alone was looked at."""
    stage = record.fact(facts.Stage)
    if stage:
        return ["0"] if stage.number > 1 else []
    made = {key: record.history(facts.Optimizer, key) for key in list(record.every(facts.Optimizer))[1:]}
    return [key for key, begins in made.items() if begins and begins[0].step > 0]  # not together, as a GAN's
