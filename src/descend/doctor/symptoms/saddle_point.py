"""Saddle point: the run starts where the gradient almost vanishes, and needs many steps to leave.

At a saddle point, the gradient is 0 and the Hessian has a negative eigenvalue −λ. In each step, the distance along its
eigenvector grows by the factor 1 + lr·λ. From a distance d, it takes about log(1/d)/(lr·λ) steps to leave. So a start
with almost equal or almost zero weights costs many steps (Dauphin et al. 2014).
"""

from math import isfinite

from descend.core.bound import Bound, Count
from descend.doctor.assess.evaluation_metric import evaluation_metric
from descend.doctor.assess.stability import NegativeCurvature, strongest_negative_curvature
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedy_arguments.layers import most_used_activation
from descend.doctor.remedy_arguments.optimizer_settings import usual_momentum
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import ADAM, INITIALISE_IN_PLACE

SOURCE = "Ba, CSC413 lecture 4, Saddle points: a run that starts slightly to the side can leave; Dauphin et al. 2014"
GROWS = Bound(
    30.0,
    "multiple of the first gradient norm",
    "chosen: docs/bounds.md gives the range of values that lead to the same diagnoses",
)
LINGERS = Bound(
    0.3,
    "share of the steps before the cost has fallen by a twentieth",
    "chosen: docs/bounds.md gives the range of values that lead to the same diagnoses",
)
LEFT = Bound(0.95, "share of the first cost", "chosen: a fall by a twentieth counts as progress")
READINGS = Count(
    3,
    "measurements of the gradient norm",
    "chosen: two measurements show only the start and the end, not the growth in between",
)
RISES = Bound(
    1.2, "multiple of the first cost", "chosen: a cost that rises further has exploded, after which it can be flat, too"
)

PROBLEM = Problem(
    id="saddle_point",
    kind="dynamics",
    title="the run starts near a saddle point",
    consequences=frozenset(
        {"correlated_inputs", "ill_conditioned_curvature", "slow_progress", "plateau", "stopped_too_early"}
    ),
    remedies=(
        INITIALISE_IN_PLACE,
        RemedyEntry(
            "reinitialise",
            most_used_activation,
            "initialise for {activation} (Kaiming or Xavier)",
            "away from a saddle point, the gradient is larger",
            "Ba, CSC413 lecture 4, Saddle points",
        ),
        RemedyEntry(
            "optimizer_argument",
            usual_momentum,
            "momentum {value:g}",
            "with momentum, small steps in the same direction add up",
            "Ba, CSC413 lecture 4, Momentum",
            cost=1,
        ),
        ADAM,
    ),
    example=CodeExample(
        faulty=(
            "nn.init.normal_(users.weight, std=1e-7)\n"
            "nn.init.normal_(items.weight, std=1e-7)\n"
            "ratings = users.weight @ items.weight.T  # both gradients are almost 0"
        ),
        fixed=(
            "nn.init.normal_(users.weight, std=0.3)\n"
            "nn.init.normal_(items.weight, std=0.3)\n"
            "ratings = users.weight @ items.weight.T"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a gradient norm that grows by a factor of more than 30, if the loss stays flat for much of the run."""
    norms = record.series("gradient_norm", "").finite()
    curve = record.series("metric", evaluation_metric(record)).finite()
    if (
        len(norms) < READINGS
        or not norms.first * GROWS < norms.max
        or len(curve) < READINGS
        or not summary.cost_left > LEFT_TO_LEARN
    ):
        return None
    left_it = next((step for step, value in curve if value <= LEFT * curve.first), record.steps)
    near = [(step, value) for step, value in curve if step < left_it]
    flat = max((step for step, _ in near), default=0)
    grown = norms.max / norms.first if norms.first > 0 else float("inf")
    times = f", {grown:.0f} times as much" if isfinite(grown) else ""
    if flat < LINGERS * record.steps or max(value for _, value in near) > RISES * curve.first:
        return None
    downwards = strongest_negative_curvature(record, flat)
    return Detection(
        certain=False,
        sentence=f"the gradient norm grows from {norms.first:.1e} to {norms.max:.1e}{times} (limit: {GROWS:g} times), "
        f"while the loss stays flat for {flat} of {record.steps} steps, as near a saddle point"
        f"{_negative_curvature_phrase(downwards)}",
        quantity="largest gradient norm / first",
        value=grown,
        bound=GROWS,
        source=SOURCE,
        where=record.site(SiteKind.MODEL) or record.site(SiteKind.OPTIMIZER, "0"),
        evidence=(("gradient_norm", ""), ("loss", "0"), *([downwards.series] if downwards else [])),
    )


def _negative_curvature_phrase(downwards: NegativeCurvature | None) -> str:
    """Return a phrase about the strongest measured negative curvature; "" if there is no measurement."""
    if downwards is None:
        return ""
    share = f"{downwards.share:.0%}" if downwards.share >= 0.01 else "less than 1%"
    return (
        f"; at step {downwards.step}, the loss has negative curvature in one direction, with {share} of the size of "
        "the largest curvature"
    )
