"""Bad initialisation: each layer shrinks or grows the signal by the same factor, so the effect grows with depth.

With n inputs of unit variance and weights of variance σ², a layer's sums have the variance n·σ². After L layers it is
(n·σ²)^L, which stays 1 only for σ² = 1/n (Glorot & Bengio 2010). A ReLU halves the mean square, so it needs σ² = 2/n
(He et al. 2015). With other values, outputs and gradients vanish or explode with depth.
"""

from descend.core.bound import Bound
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind
from descend.doctor.symptoms.depth import activation_scales
from descend.doctor.symptoms.problem import CodeExample, Problem
from descend.doctor.symptoms.shared_remedies import INITIALISE_IN_PLACE, REINITIALISE

SOURCE = "He et al. 2015, eq. 9: the variance at layer L is that at layer 1 times ∏ ½·n·Var(w)"
DRIFT = Bound(
    30.0,
    "factor by which the activation scale grows or shrinks from the first layer to the last one",
    "chosen: PyTorch's default initialisation loses a factor of about 2 per layer, so 30 after five layers",
)
SMALLEST = Bound(
    1e-2, "root mean square of a layer's activations", "chosen: the usual scale is 1, two orders of magnitude higher"
)
LARGEST = Bound(
    1e2, "root mean square of a layer's activations", "chosen: the usual scale is 1, two orders of magnitude lower"
)

PROBLEM = Problem(
    id="bad_initialisation",
    kind="statics",
    title="the initial weights are badly scaled",
    consequences=frozenset(
        {
            "layer_rate_mismatch",
            "exploding_gradients",
            "instability",
            "cliff",
            "dead_units",
            "vanishing_gradients",
            "slow_progress",
            "plateau",
            "stopped_too_early",
        }
    ),
    remedies=(
        INITIALISE_IN_PLACE,
        REINITIALISE,
    ),
    example=CodeExample(
        faulty="nn.init.normal_(layer.weight)  # standard deviation 1",
        fixed='nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")',
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report activations that shrink or grow with depth by a large factor at the first step, in a run that fails."""
    scales = [(p, v) for p, v in activation_scales(record) if v > 0]
    if not scales or not (summary.is_stuck("0", LITTLE_LEARNED) or summary.first_rise("0") is not None):
        return None
    (first, start), (last, end) = scales[0], scales[-1]
    drift = end / start
    steep = len(scales) > 1 and not 1 / DRIFT < drift < DRIFT
    if not steep and SMALLEST < end < LARGEST:
        return None
    sentence = (
        f"at the first step, the root mean square of the activations changes from {start:.2g} ({first}) to {end:.2g} "
        f"({last}), so the initial weights are too small or too large"
    )
    return Detection(
        certain=False,
        likely=True,
        sentence=sentence,
        quantity="activation scale of the last layer" + (" / of the first" if steep else ""),
        value=drift if steep else end,
        bound=_two_sided_limit(drift, DRIFT) if steep else _two_sided_limit(end, LARGEST),
        source=SOURCE,
        where=record.site(SiteKind.MODEL),
        module=last,
        evidence=tuple(("activation_scale", place) for place, _ in scales),
    )


def _two_sided_limit(value: float, largest: float) -> float:
    """Return the limit of a scale or ratio: `largest` if the scale is above 1, and its reciprocal otherwise."""
    return largest if value > 1 else 1 / largest
