"""Bad initialisation: each layer shrinks or grows the signal by the same factor, so the effect grows with depth."""

from descend.doctor.course.progress import HARDLY_LEARNT, first_rise, is_stuck
from descend.doctor.record import Record
from descend.doctor.symptoms.depth import activation_scales
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "He et al. 2015, eq. 9: Var of layer L is that of layer 1 times ∏ ½·n·Var(w)"
DRIFT = Bound(
    30.0,
    "times from the first layer's scale to the last's, either way",
    "chosen: torch's own start loses about a factor of 2 a layer, which is as much after five",
)
SMALLEST = Bound(1e-2, "root mean square of a layer's activations", "chosen: two orders of magnitude below 1")
LARGEST = Bound(1e2, "root mean square of a layer's activations", "chosen: two orders of magnitude above 1")


def bad_initialisation(record: Record) -> Sign | None:
    """Report activations whose scale changes geometrically with depth at the first step, in a run that fails."""
    scales = [(p, v) for p, v in activation_scales(record) if v > 0]
    if not scales or not (is_stuck(record, "0", HARDLY_LEARNT) or first_rise(record, "0") is not None):
        return None
    (first, start), (last, end) = scales[0], scales[-1]
    drift = end / start
    steep = len(scales) > 1 and not 1 / DRIFT < drift < DRIFT
    if not steep and SMALLEST < end < LARGEST:
        return None
    sentence = (
        f"at the first step the root mean square of the activations goes from {start:.2g} ({first}) to {end:.2g} "
        f"({last}), so the initial weights do not fit the layers' sizes"
    )
    return Sign(
        certain=False,
        likely=True,
        sentence=sentence,
        quantity="activation scale of the last layer" + (" / of the first" if steep else ""),
        value=drift if steep else end,
        bound=_bound(drift, DRIFT) if steep else _bound(end, LARGEST),
        source=SOURCE,
        where=record.site("model"),
        module=last,
        evidence=tuple(("activation_scale", place) for place, _ in scales),
    )


def _bound(value: float, largest: float) -> float:
    return largest if value > 1 else 1 / largest
