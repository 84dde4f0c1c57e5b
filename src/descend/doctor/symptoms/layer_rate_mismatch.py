"""Layers at different effective rates: one moves a thousand times as fast, relative to its weights, as another."""

from statistics import median

from descend.doctor.course.progress import HARDLY_LEARNT, first_rise, is_stuck
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "You et al. 2017: the ratio ‖w‖/‖∇w‖ differs from layer to layer, and the rate suits only some"
UNEQUAL = Bound(
    10.0, "times the smallest rate of a group", "chosen: groups for weights with and without decay have one rate"
)
SPREAD = Bound(
    300.0, "times the slowest layer's relative step", "chosen; see the range within which no diagnosis changes"
)


def layer_rate_mismatch(record: Record) -> Sign | None:
    """Groups with rates of their own, or layers, whose relative steps differ by far, in a run that suffers from it."""
    optimizer = record.fact(facts.Optimizer, "0")
    rates = optimizer.rates if optimizer else ()
    if (
        len(rates) < 2
        or max(rates) < UNEQUAL * min(rates)
        or not (is_stuck(record, "0", HARDLY_LEARNT) or first_rise(record, "0") is not None)
    ):
        return None
    speeds = [
        (p, median(v)) for p in record.places("update_ratio") if (v := record.series("update_ratio", p).finite().values)
    ]
    moving = [(place, speed) for place, speed in speeds if speed > 0 and "bias" not in place]
    if len(moving) < 2:
        return None
    (slow, least), (fast, most) = min(moving, key=lambda x: x[1]), max(moving, key=lambda x: x[1])
    if most < SPREAD * least:
        return None
    return Sign(
        certain=False,
        likely=True,
        sentence=f"{fast} moves by {most:.1e} of itself in a step and {slow} by {least:.1e} (bound {SPREAD:g} times): "
        f"their groups have the rates {max(rates):g} and {min(rates):g}",
        quantity="fastest relative step / slowest",
        value=most / least,
        bound=SPREAD,
        source=SOURCE,
        where=record.site("optimizer", "0"),
        module=slow,
        evidence=(("update_ratio", fast), ("update_ratio", slow)),
    )
