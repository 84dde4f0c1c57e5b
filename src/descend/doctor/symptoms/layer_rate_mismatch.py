"""Layers at different effective learning rates: one moves hundreds of times as far as another, relative to itself.

Parameter groups may have learning rates of their own. Or one learning rate meets layers whose ‖w‖/‖∇w‖ differs.
"""

from collections.abc import Sequence
from statistics import median

from descend.doctor.course.progress import (
    HARDLY_LEARNT,
    LEFT_TO_LEARN,
    cost_left,
    first_rise,
    is_stuck,
    loss_left_message,
)
from descend.doctor.course.stability import is_of
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
SPREAD_OF_ONE = Bound(
    100.0,
    "times the slowest layer's relative step",
    "calibrated on the kept programs: no run that has learnt something and leaves a tenth has more than 65",
)
UNMOVED = Bound(
    0.1, "of the layer's own size, in all steps", "chosen: what so little of a change could learn was known before"
)


def layer_rate_mismatch(record: Record) -> Sign | None:
    """Layers whose relative steps differ by far, in a run that fails: by their groups' learning rates, or at one."""
    speeds = _speeds(record)
    if len(speeds) < 2:
        return None
    optimizer = record.fact(facts.Optimizer, "0")
    rates = optimizer.rates if optimizer else ()
    return _of_groups(record, speeds, rates) if len(set(rates)) > 1 else _of_one_rate(record, speeds)


def _speeds(record: Record) -> dict[str, float]:
    """Return the usual length of a step, relative to the weights, of each layer that moves; biases are left out."""
    seen = {p: record.series("update_ratio", p).finite().values for p in record.places("update_ratio")}
    speeds = {place: median(values) for place, values in seen.items() if values and "bias" not in place}
    return {place: speed for place, speed in speeds.items() if speed > 0}


def _of_groups(record: Record, speeds: dict[str, float], rates: Sequence[float]) -> Sign | None:
    if max(rates) < UNEQUAL * min(rates):
        return None
    if not is_stuck(record, "0", HARDLY_LEARNT) and first_rise(record, "0") is None:
        return None
    slow, fast = min(speeds, key=speeds.__getitem__), max(speeds, key=speeds.__getitem__)
    if speeds[fast] < SPREAD * speeds[slow]:
        return None
    sentence = (
        f"{fast} moves by {speeds[fast]:.1e} of itself in a step and {slow} by {speeds[slow]:.1e} (bound {SPREAD:g} "
        f"times): their groups have the rates {max(rates):g} and {min(rates):g}"
    )
    return _sign(record, speeds, sentence, SPREAD)


def _of_one_rate(record: Record, speeds: dict[str, float]) -> Sign | None:
    """Gradient descent that has learnt something, and leaves much, with a layer that hardly moves in the whole run.

    Where nothing at all is learnt, gradients that vanish are the nearer cause.
    """
    slow, fast = min(speeds, key=speeds.__getitem__), max(speeds, key=speeds.__getitem__)
    if not is_of(record, "0", ("SGD",)) or speeds[fast] < SPREAD_OF_ONE * speeds[slow]:
        return None
    if not cost_left(record) > LEFT_TO_LEARN or is_stuck(record, "0") or record.steps * speeds[slow] > UNMOVED:
        return None
    rate = record.series("learning_rate", "0").max
    sentence = (
        f"one learning rate of {rate:g} moves {fast} by {speeds[fast]:.1e} of itself in a step and {slow} by "
        f"{speeds[slow]:.1e} (limit: {SPREAD_OF_ONE:g} times), as their ratios ‖w‖/‖∇w‖ differ. {slow} changes by "
        f"at most {record.steps * speeds[slow]:.1%} in {record.steps} steps, and {loss_left_message(record)}"
    )
    return _sign(record, speeds, sentence, SPREAD_OF_ONE)


def _sign(record: Record, speeds: dict[str, float], sentence: str, bound: Bound) -> Sign:
    slow, fast = min(speeds, key=speeds.__getitem__), max(speeds, key=speeds.__getitem__)
    return Sign(
        certain=False,
        likely=True,
        sentence=sentence,
        quantity="fastest relative step / slowest",
        value=speeds[fast] / speeds[slow],
        bound=bound,
        source=SOURCE,
        where=record.site("optimizer", "0"),
        module=slow,
        evidence=(("update_ratio", fast), ("update_ratio", slow)),
    )
