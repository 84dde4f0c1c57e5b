"""Ill-conditioned curvature: the steepest direction limits the step length, so progress along the others is slow.

On a quadratic loss, the error along an eigenvector of the Hessian shrinks by the factor 1 − lr·λ in each step.
Stability requires lr < 2/λmax. So the flattest direction needs about κ = λmax/λmin steps to shrink by a factor of e.
Momentum needs about √κ steps (Polyak 1964). Standardised inputs and normalisation layers reduce κ.
"""

from dataclasses import replace
from statistics import median

from descend.core.bound import Bound
from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.stability import ROUNDING, learning_rate_times_curvature, stability_bound
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.assess.training_time import fitted_condition_number, fitted_condition_number_message
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.layers import batch_normalisation
from descend.doctor.remedy_arguments.optimizer_settings import usual_momentum
from descend.doctor.remedy_arguments.other_optimizers import faster_adam, soap_arguments
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import ADAM

SOURCE = "Ba, CSC413 lecture 4, Ill-conditioned curvature: larger condition numbers imply slower convergence"
LONG = Bound(
    0.2,
    "share of the stability limit",
    "chosen: steps five times as long would already be unstable, so longer steps are not a remedy",
)
ILL = Bound(
    200.0,
    "condition number, estimated from the progress of the loss",
    "chosen: docs/bounds.md gives the range of values that lead to the same diagnoses",
)

PROBLEM = Problem(
    id="ill_conditioned_curvature",
    kind="dynamics",
    title="the curvature is ill-conditioned",
    consequences=frozenset({"slow_progress", "stopped_too_early"}),
    remedies=(
        RemedyEntry(
            "optimizer_argument",
            usual_momentum,
            "momentum {value:g}",
            "with momentum, the steps along flat directions add up",
            "Ba, CSC413 lecture 4, Momentum",
            cost=1,
        ),
        ADAM,
        replace(ADAM, choose_values=faster_adam, neutral=True),
        RemedyEntry(
            "insert_normalisation",
            batch_normalisation,
            phrases.ADD_BATCH_NORMALISATION,
            "units with centred inputs of unit variance have a similar curvature in all directions",
            phrases.NORMALISATION_SOURCE,
            neutral=True,
            cost=3,
        ),
        RemedyEntry(
            "adaptive_rule",
            soap_arguments,
            "SOAP, lr {lr:.3g}",
            "it estimates the curvature between the weights of a layer, as second-order methods do",
            "Ba, CSC413 lecture 4, Recap: ill-conditioning; Vyas et al. 2024, §4",
            neutral=True,
            cost=phrases.ADAM_COST,
        ),
    ),
    example=CodeExample(
        faulty=(
            "# The loss falls slowly, and lr=0.6 is already unstable.\n"
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.5)"
        ),
        fixed="optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report slow progress of gradient descent although its longest step reaches a fifth of the stability limit.

    The condition number is estimated from the progress: κ ≈ 2·λmax·Σα / ln(cost before / after).
    """
    for key, optimizer in record.every(facts.Optimizer).items():
        bound = stability_bound(optimizer)
        lengths = learning_rate_times_curvature(record, key, "curvature").finite().values
        if optimizer.rule != "SGD" or optimizer.momentum or bound is None or not lengths:
            continue
        norms = record.series("clipped_norm").finite().values
        clip = record.fact(facts.Clip)
        if norms and (clip.limit if clip else 0.0) < median(norms):
            continue  # The clipping threshold, not the curvature, limits the length of the steps.
        # If the run learns with steps below the stability limit, a rise of the loss only shows that batches differ.
        may_rise = max(lengths) <= bound.value and not summary.is_stuck(key)
        has_risen = summary.first_rise(key) is not None and not may_rise
        if max(lengths) < LONG * bound.value or has_risen or not summary.cost_left > LEFT_TO_LEARN:
            continue
        condition = fitted_condition_number(record, key)
        if condition < ILL:
            continue
        return Detection(
            certain=False,
            sentence=f"learning rate × largest curvature is {max(lengths):.2g} (stability limit: {bound.value:.3g}), "
            f"so the steps cannot be much longer, but {loss_left_message(summary)}. This progress corresponds to a "
            f"condition number of {fitted_condition_number_message(record, key)}{_measured_ratio_phrase(record, key)}",
            quantity="condition_number",
            value=condition,
            bound=ILL,
            source=SOURCE,
            where=record.site(SiteKind.OPTIMIZER, key) or record.site(SiteKind.BACKWARD),
            optimizer=key,
            evidence=(("loss", key), ("curvature", key), *_lowest_curvature_evidence(record, key)),
        )
    return None


def _lowest_curvature_evidence(record: Record, key: str) -> tuple[tuple[str, str], ...]:
    """Return the name and key of the recorded lowest curvatures, as evidence; an empty tuple without measurements."""
    return (("curvature_lowest", key),) if len(record.series("curvature_lowest", key)) else ()


def _measured_ratio_phrase(record: Record, key: str) -> str:
    """Return a phrase about the largest ratio of measured curvatures, a lower bound of the condition number, or ""."""
    lowest = dict(record.series("curvature_lowest", key).finite())
    seen = [
        (value / low, step, low)
        for step, value in record.series("curvature", key)
        if (low := lowest.get(step, 0.0)) > ROUNDING * value > 0
    ]
    if not seen:
        return ""
    ratio, step, low = max(seen, key=lambda each: each[0])
    return (
        f"; the curvatures measured at step {step}, from {low:.2g} to {ratio * low:.2g}, show that this number is at "
        f"least {ratio:,.0f}"
    )
