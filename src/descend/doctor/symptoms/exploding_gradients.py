"""Exploding gradients: the gradient grows with depth or time, until one step makes the parameters useless.

By the chain rule, the gradient at the first layer is a product of L Jacobians. If each of them multiplies the norm by s
> 1, the product grows as s^L: 1.5^50 is 6·10⁸. A step of length lr·‖g‖ then leaves the region in which the gradient
describes the loss (Pascanu et al. 2013, §2.1).
"""

from descend.core.bound import Bound
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedy_arguments.layers import sequence_length
from descend.doctor.remedy_arguments.training_loop import median_gradient_norm
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.depth import weight_gradients
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import INITIALISE_IN_PLACE, REINITIALISE, STABLE_RATE_AS_WORKAROUND

SOURCE = "Pascanu et al. 2013, §2: a product of Jacobians with norms above 1 grows exponentially"
LARGE = Bound(100.0, "norm of the whole gradient", "chosen: the usual norm is about 1, two orders of magnitude lower")
GROWN = Bound(
    10.0, "gradient norm of the first layer divided by that of the last layer", "chosen: smaller ratios are usual"
)
HUGE = Bound(
    1e4,
    "norm of the whole gradient",
    "chosen: a larger gradient is reported even if it does not grow towards the first layers",
)

PROBLEM = Problem(
    id="exploding_gradients",
    kind="dynamics",
    title="gradients explode",
    consequences=frozenset({"instability", "cliff", "dead_units", "oscillation"}),
    remedies=(
        RemedyEntry(
            "clip_gradients",
            median_gradient_norm,
            phrases.CLIP_GRADIENT_NORM,
            phrases.LIMITED_STEP,
            "Pascanu et al. 2013, §3.2",
        ),
        RemedyEntry(
            "initialise_recurrent",
            sequence_length,
            phrases.INITIALISE_RECURRENT,
            "orthogonal weights keep the scale of signals through time",
            "Saxe et al. 2014",
        ),
        INITIALISE_IN_PLACE,
        REINITIALISE,
        STABLE_RATE_AS_WORKAROUND,
    ),
    example=CodeExample(
        faulty="loss.backward()\noptimizer.step()",
        fixed="loss.backward()\nnn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)\noptimizer.step()",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report an initial gradient norm above 100 that is far larger in the first layer than the last, if the run fails.

    A gradient norm above 10,000 is reported even if it does not differ between the layers.
    """
    if summary.first_rise("0") is None and not summary.is_stuck("0", LITTLE_LEARNED):
        return None
    norms, gradients = record.series("gradient_norm", ""), weight_gradients(record, 0)
    at_first = max(norms.values[:2], default=0.0)  # Later gradients may be large because a step was unstable.
    grown = gradients[0][1] / gradients[-1][1] if len(gradients) > 2 and gradients[-1][1] > 0 else 1.0
    if not at_first > LARGE or not (grown > GROWN or at_first > HUGE):
        return None
    of_the_first_layer = f", {grown:.3g} times as large in the first layer as in the last one" if grown > GROWN else ""
    return Detection(
        certain=False,
        likely=True,
        sentence=f"the gradient norm is {at_first:.3g} in the first steps (limit: {LARGE:g}){of_the_first_layer}, so "
        "one step can move the parameters too far",
        quantity="gradient_norm",
        value=at_first,
        bound=LARGE,
        source=SOURCE,
        where=record.site(SiteKind.MODEL) or record.site(SiteKind.BACKWARD),
        evidence=(("gradient_norm", ""), ("loss", "0")),
    )
