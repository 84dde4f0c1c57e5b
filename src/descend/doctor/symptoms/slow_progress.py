"""Slow progress: the steps are far shorter than the curvature allows.

Along a direction of curvature λ, each step multiplies the distance from the minimum by 1 − lr·λ, so about 1/(lr·λ)
steps are needed. If lr·λmax is far below 1, even the steepest direction needs many steps. Larger learning rates are
stable up to lr·λmax = 2.
"""

from statistics import median

from descend.core.bound import Bound
from descend.doctor.assess.evaluation_metric import evaluation_metric
from descend.doctor.assess.objective import cost_curve
from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.stability import (
    ADAPTIVE,
    curvature_name,
    learning_rate_times_curvature,
    momentum_of,
    stability_bound,
    uses_rule,
)
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.learning_rates import larger_rate, rate_for_short_run
from descend.doctor.remedy_arguments.optimizer_settings import usual_momentum
from descend.doctor.remedy_arguments.sites import edit_of_site
from descend.doctor.remedy_arguments.training_loop import more_passes_at_larger_rate
from descend.doctor.script.run_names import EndReason
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import ADAM

SOURCE = "Ba, CSC413 lecture 4, Recap: slow progress shows as a slow, linear training curve; increase α or the momentum"
SHORT = Bound(
    0.12,
    "share of the stability limit",
    "chosen: along the steepest direction, progress is fastest at half of the stability limit",
)
SHORTER = Bound(
    0.05,
    "share of the stability limit",
    "chosen: lower than for a finished run, since a run that descend cut off would have continued",
)
STILL = Bound(
    1e-4,
    "relative change of the weights in a step",
    "chosen: this is a tenth of the usual 1e-3 (Karpathy, CS231n, Ratio of weights:updates)",
)
NEAR = Bound(
    0.1,
    "change of the weights over all steps, as a share of their norm",
    "chosen: weights that change by less have learned almost nothing",
)
LEFT = Bound(
    0.4, "share of the cost of the best constant prediction", "chosen: a run with a higher cost has much left to learn"
)
MUCH_LEFT = Bound(
    0.5,
    "share of the cost of the best constant prediction",
    "chosen: higher than for a finished run, since a run that descend cut off would have continued",
)
STRAIGHT = Bound(
    0.1,
    "fall of the loss over the second half of the run, as a share of the fall over the first half",
    "chosen: a steadily falling loss falls as much in the second half as in the first, and a loss at its minimum "
    "does not fall",
)

PROBLEM = Problem(
    id="slow_progress",
    kind="dynamics",
    title="progress is slow",
    consequences=frozenset({"plateau", "stopped_too_early"}),
    remedies=(
        *(
            RemedyEntry(
                "skip_call",
                edit_of_site(facts.OfLoss, "skip", number),
                phrases.REMOVE_CALL,
                *phrases.UNSCALED_STEPS,
                cost=1,
            )
            for number in range(phrases.LOSS_FUNCTIONS_TRIED)
        ),
        RemedyEntry(
            "learning_rate",
            larger_rate,
            phrases.NEW_LEARNING_RATE,
            "along the steepest direction, progress is fastest at half of the stability limit",
            "Ba, CSC413 lecture 4, Recap: slow progress",
            cost=1,
        ),
        RemedyEntry(
            "learning_rate",
            rate_for_short_run,
            phrases.NEW_LEARNING_RATE,
            phrases.FEW_STEPS_OF_ADAM,
            "Kingma & Ba 2015, §2.1",
            cost=1,
        ),
        RemedyEntry(
            "training_length+learning_rate",
            more_passes_at_larger_rate,
            "train {times} times as long, " + phrases.NEW_LEARNING_RATE,
            phrases.FEW_STEPS_OF_ADAM,
            "Kingma & Ba 2015, §2.1",
        ),
        RemedyEntry(
            "optimizer_argument",
            usual_momentum,
            "momentum {value:g}",
            "with momentum, steps in the same direction add up to 1/(1−μ) times their length",
            "Ba, CSC413 lecture 4, Momentum",
            cost=1,
        ),
        ADAM,
    ),
    example=CodeExample(
        faulty="optimizer = torch.optim.Adam(model.parameters(), lr=1e-6)",
        fixed="optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report steps that are too short for the curvature or for the weights, in a run with much left to learn."""
    if _may_have_reached_minimum(record):
        return None
    for key in record.every(facts.Optimizer):
        least, short = (LEFT, SHORT) if _has_ended_normally(record) else (MUCH_LEFT, SHORTER)
        if not summary.cost_left > least or summary.first_rise(key) is not None:
            continue
        found = (
            _describe_steps_short_for_curvature(record, key, short)
            or _describe_steps_short_for_weights(record, key)
            or _describe_too_few_steps(record, key)
        )
        if found is not None:
            value, bound, quantity, sentence, likely = found
            return Detection(
                certain=False,
                likely=likely,
                sentence=f"{sentence}; after {record.steps} steps {loss_left_message(summary)}",
                quantity=quantity,
                value=value,
                bound=bound,
                source=SOURCE,
                where=record.site(SiteKind.OPTIMIZER, key) or record.site(SiteKind.BACKWARD),
                optimizer=key,
                evidence=(("loss", key), ("learning_rate", key)),
            )
    return None


def _may_have_reached_minimum(record: Record) -> bool:
    """Return whether a custom loss, whose minimum is unknown, has stopped falling and may have reached it."""
    if evaluation_metric(record) != "loss":
        return False
    curve = cost_curve(record).finite()
    middle = curve.at(record.steps // 2)
    return middle - curve.last < STRAIGHT * (curve.first - middle)


def _has_ended_normally(record: Record) -> bool:
    """Return whether the script has ended normally, so that it would not have taken more steps."""
    return record.ending is not None and record.ending.reason == EndReason.FINISHED


def _describe_steps_short_for_curvature(
    record: Record, key: str, short: float
) -> tuple[float, float, str, str, bool] | None:
    """Describe steps if even the longest is below the share `short` of the stability limit; otherwise return None."""
    optimizer = record.fact(facts.Optimizer, key)
    bound, name = stability_bound(optimizer), curvature_name(record, key)
    if bound is None or name != "curvature":
        return None
    values = learning_rate_times_curvature(record, key, name).finite().values
    momentum = momentum_of(optimizer)
    largest = max(values, default=float("nan")) / (1 - momentum if momentum < 1 else 1.0)
    if not largest < short * bound.value:
        return None
    sentence = f"learning rate × largest curvature is at most {largest:.2g} (stability limit: {bound.value:.3g})"
    return largest, short * bound.value, "lr * lambda_max", sentence, True


def _describe_steps_short_for_weights(record: Record, key: str) -> tuple[float, float, str, str, bool] | None:
    """Describe steps that change the weights by a tiny share of their norm; return None if the usual step is longer."""
    ratio = _update_ratio(record)
    if not ratio < STILL:
        return None
    sentence = f"a step changes the weights by {ratio:.1e} of their norm (usual: 1e-3)"
    return ratio, STILL, "update_ratio", sentence, True


def _describe_too_few_steps(record: Record, key: str) -> tuple[float, float, str, str, bool] | None:
    """Describe a run of an adaptive optimizer with too few steps to change the weights much; return None otherwise."""
    reach = _update_ratio(record) * record.steps
    if not uses_rule(record, key, ADAPTIVE) or not _has_ended_normally(record) or not reach < NEAR:
        return None
    sentence = f"all {record.steps} steps together change the weights by at most {reach:.2g} of their norm"
    return reach, NEAR, "update_ratio * steps", sentence, False


def _update_ratio(record: Record) -> float:
    """Return the median, over steps and weight matrices, of the step length divided by the norm of the weights."""
    places = record.places("update_ratio")
    ratios = [v for place in places for v in record.series("update_ratio", place).finite().values]
    return median(ratios) if ratios else float("nan")
