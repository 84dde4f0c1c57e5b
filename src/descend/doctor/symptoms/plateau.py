"""Plateau: the gradient is small for the curvature, and the loss stays at its initial value."""

from math import nan
from statistics import median

from descend.doctor.course.progress import cost_left, falls
from descend.doctor.course.stability import stability_bound
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import EARLY, Sign
from descend.ground.bound import Bound

SOURCE = "Ba, CSC413 lecture 4, Plateaux: a plateau is a flat region; where φ' is close to 0 the weights get stuck"
LEFT = Bound(0.85, "of what the best constant prediction costs", "chosen: the cost stays where it began")
FLAT = Bound(0.05, "of the cost by which it falls, or its slope would let it", "chosen: so little is hardly a fall")
LAST = Bound(0.8, "of the run's steps, the last", "chosen: a plateau that began later is the end of a way down")


def plateau(record: Record) -> Sign | None:
    """Hardly any fall, and a slope that would bring none at the longest steps that are stable, bound / λmax.

    Along the gradient such a step lowers the cost by bound · |g|² / λmax at first order. An adaptive rule divides by
    the gradient's size, so a small gradient is no plateau to it.
    """
    norms = record.series("gradient_norm", "").finite()
    if not cost_left(record) > LEFT or falls(record, LAST) > FLAT or len(norms) < EARLY:
        return None
    for key, optimizer in record.every(facts.Optimizer).items():
        bound = stability_bound(optimizer)
        curvatures, cost = record.series("curvature", key).finite().values, _cost(record, key)
        usual, curvature = median(norms.values), median(curvatures or (0.0,))
        if bound is None or not curvature > 0 or not cost > 0:
            continue
        share = record.steps * bound.value * usual**2 / curvature / cost
        if not share < FLAT:
            continue
        return Sign(
            certain=False,
            sentence=f"the cost does not fall, and the gradient's norm is {usual:.1e} where the curvature is "
            f"{curvature:.2g}: at the longest steps that are stable so small a slope lowers the cost by "
            f"{share:.2%} of it in {record.steps} steps (bound {FLAT:.0%}): the run sits on a plateau",
            quantity="steps * bound * gradient_norm**2 / (lambda_max * loss)",
            value=share,
            bound=FLAT,
            source=SOURCE,
            where=record.site("model") or record.site("loss"),
            optimizer=key,
            evidence=(("gradient_norm", ""), ("curvature", key), ("loss", key)),
        )
    return None


def _cost(record: Record, key: str) -> float:
    """Return the loss that the gradient is that of, at the start; NaN unknown."""
    known = record.series("monitored_loss").finite() or record.series("loss", key).finite()
    return abs(known.first) if len(known) else nan
