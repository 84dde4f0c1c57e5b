"""Exploding gradients: the gradient grows with depth or time until a step throws the parameters away."""

from descend.doctor.course.progress import HARDLY_LEARNT, first_rise, is_stuck
from descend.doctor.record import Record
from descend.doctor.symptoms.depth import weight_gradients
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Pascanu et al. 2013, §2: a product of Jacobians of norm above 1 grows exponentially"
LARGE = Bound(100.0, "norm of the whole gradient", "chosen: two orders of magnitude above 1")
GROWN = Bound(10.0, "times the last layer's gradient in the first", "chosen: an order of magnitude")
HUGE = Bound(1e4, "norm of the whole gradient", "chosen: a gradient so large needs no growth along the layers")


def exploding_gradients(record: Record) -> Sign | None:
    """A gradient of a hundred and more from the start, growing towards the first layers, in a run that suffers."""
    if first_rise(record, "0") is None and not is_stuck(record, "0", HARDLY_LEARNT):
        return None
    norms, gradients = record.series("gradient_norm", ""), weight_gradients(record, 0)
    at_first = max(norms.values[:2], default=0.0)  # later ones may be what an unstable step has made
    grown = gradients[0][1] / gradients[-1][1] if len(gradients) > 2 and gradients[-1][1] > 0 else 1.0
    if not at_first > LARGE or not (grown > GROWN or at_first > HUGE):
        return None
    of_the_first_layer = f", {grown:.3g} times as large in the first layer as in the last" if grown > GROWN else ""
    return Sign(
        certain=False,
        likely=True,
        sentence=f"the gradient's norm is {at_first:.3g} at the first steps (bound {LARGE:g}){of_the_first_layer}",
        quantity="gradient_norm",
        value=at_first,
        bound=LARGE,
        source=SOURCE,
        where=record.site("model") or record.site("backward"),
        evidence=(("gradient_norm", ""), ("loss", "0")),
    )
