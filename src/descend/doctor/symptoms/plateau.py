"""Plateau: the gradient is small for the curvature, and the loss stays at its initial value.

A step lowers the loss by about lr·‖g‖². On a plateau, the gradient is small in all directions, so the loss falls very
slowly, far above its minimum. Saturated units, squared error after a sigmoid and symmetric initial weights cause
plateaus. The curvature there is small, too, so longer or adaptive steps leave them sooner.
"""

from math import nan
from statistics import median

from descend.core.bound import Bound
from descend.doctor.assess.stability import stability_bound
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import EARLY, Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.layers import relu_for_saturating_units
from descend.doctor.remedy_arguments.losses import likelihood_of_probabilities
from descend.doctor.remedy_arguments.optimizer_settings import usual_momentum
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import ADAM, INITIALISE_IN_PLACE, REINITIALISE

SOURCE = "Ba, CSC413 lecture 4, Plateaux: a plateau is a flat region; where φ' is close to 0, the weights get stuck"
LEFT = Bound(
    0.85,
    "share of the cost of the best constant prediction",
    "chosen: if the cost is higher, the loss has stayed near its initial value",
)
FLAT = Bound(
    0.05,
    "fall of the loss, or the largest fall that stable steps could reach, as a share of the loss",
    "chosen: a smaller fall does not count as progress",
)
LAST = Bound(
    0.8,
    "share of the run's steps, counted from its end",
    "chosen: a loss that stops falling later is normal at the end of a run",
)

PROBLEM = Problem(
    id="plateau",
    kind="dynamics",
    title="training is on a plateau",
    consequences=frozenset({"stopped_too_early"}),
    remedies=(
        RemedyEntry(
            "optimizer_argument",
            usual_momentum,
            "momentum {value:g}",
            "with momentum, small steps in the same direction add up",
            "Ba, CSC413 lecture 4, Momentum",
            cost=1,
        ),
        ADAM,
        INITIALISE_IN_PLACE,
        REINITIALISE,
        RemedyEntry(
            "hidden_activation+reinitialise",
            relu_for_saturating_units,
            "use ReLU and its initialisation in the hidden layers",
            "the slope of an active ReLU is 1, so the loss is less flat",
            "Ba, CSC413 lecture 4, Plateaux",
            cost=3,
            neutral=True,
        ),
        RemedyEntry(
            "matching_loss",
            likelihood_of_probabilities,
            "use {loss}",
            "its gradient does not vanish where the output saturates at a wrong value",
            "Ba, CSC413 lecture 4, Plateaux",
            judged_on="metric",
            neutral=True,
        ),
    ),
    example=CodeExample(
        faulty=(
            "nn.init.constant_(fc2.bias, -12.0)  # the sigmoid is flat at -12\n"
            "probabilities = fc2(torch.tanh(fc1(inputs))).sigmoid()\n"
            "loss = F.mse_loss(probabilities, labels)"
        ),
        fixed=(
            "nn.init.zeros_(fc2.bias)\n"
            "probabilities = fc2(torch.tanh(fc1(inputs))).sigmoid()\n"
            "loss = F.mse_loss(probabilities, labels)"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a loss that does not fall because its gradients are so small that no stable steps could lower it much.

    To first order, a step of length limit / λmax lowers the loss by limit · |g|² / λmax. An adaptive optimizer divides
    by the size of the gradient, so a small gradient alone does not slow it down.
    """
    norms = record.series("gradient_norm", "").finite()
    if not summary.cost_left > LEFT or summary.relative_fall(LAST) > FLAT or len(norms) < EARLY:
        return None
    for key, optimizer in record.every(facts.Optimizer).items():
        bound = stability_bound(optimizer)
        curvatures, cost = record.series("curvature", key).finite().values, _initial_loss(record, key)
        usual, curvature = median(norms.values), median(curvatures or (0.0,))
        if bound is None or not curvature > 0 or not cost > 0:
            continue
        share = record.steps * bound.value * usual**2 / curvature / cost
        if not share < FLAT:
            continue
        return Detection(
            certain=False,
            sentence=f"the loss does not fall: the gradient norm is only {usual:.1e} while the largest curvature is "
            f"{curvature:.2g}, so even the longest stable steps would lower the loss by only {share:.2%} in "
            f"{record.steps} steps (limit: {FLAT:.0%})",
            quantity="steps * bound * gradient_norm**2 / (lambda_max * loss)",
            value=share,
            bound=FLAT,
            source=SOURCE,
            where=record.site(SiteKind.MODEL) or record.site(SiteKind.LOSS),
            optimizer=key,
            evidence=(("gradient_norm", ""), ("curvature", key), ("loss", key)),
        )
    return None


def _initial_loss(record: Record, key: str) -> float:
    """Return the absolute value of the initial loss; NaN if it is unknown."""
    known = record.series("monitored_loss").finite() or record.series("loss", key).finite()
    return abs(known.first) if len(known) else nan
