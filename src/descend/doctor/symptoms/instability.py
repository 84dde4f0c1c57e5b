"""Instability: the steps are too long for the curvature, and the loss rises or oscillates.

Along a direction of curvature λ, each step multiplies the distance from the minimum by 1 − lr·λ. If lr·λ > 2, this
factor is below −1, so each step ends farther away on the other side. With momentum μ, the limit is 2(1 + μ).
"""

from dataclasses import replace
from math import isfinite
from statistics import median

from descend.core.bound import Bound
from descend.doctor.assess.constant_prediction import constant_message
from descend.doctor.assess.opponents import has_opponents
from descend.doctor.assess.stability import (
    ADAM_RATE,
    ADAPTIVE,
    EARLY_STEPS,
    curvature_name,
    eps_rounded_to_zero,
    learning_rate_times_curvature,
    stability_bound,
)
from descend.doctor.assess.step_sizes import (
    LONG_STEPS,
    OFTEN,
    OUTRUN,
    first_step_length,
    measured_weights,
    repeated_step_length,
)
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.learning_rates import (
    default_adam_rate,
    rate_at_first_curvature,
    rate_at_largest_curvature,
    rate_for_short_run,
    rate_for_usual_step,
)
from descend.doctor.remedy_arguments.optimizer_settings import representable_eps
from descend.doctor.remedy_arguments.schedules import warm_up
from descend.doctor.remedy_arguments.sites import edit_of_site
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import ADAM, CLIP_RARE_GRADIENTS

MUCH_LEFT = Bound(
    1 / 3,
    "share of the cost of the best constant prediction",
    "chosen: a run that keeps a third of this cost has much left to learn",
)
FAR = Bound(
    2.0,
    "multiple of the stability limit",
    "at the edge of stability, α·λmax stays closer to the limit: Cohen et al. 2021",
)
LATE = Bound(
    0.5,
    "share of the run's steps",
    "chosen: long steps that begin in the second half do not explain slow progress in the first half",
)

PROBLEM = Problem(
    id="instability",
    kind="dynamics",
    title="training is unstable",
    consequences=frozenset(
        "cliff dead_units vanishing_gradients oscillation covariate_shift ill_conditioned_curvature plateau "
        "fluctuations".split()
    ),
    remedies=(
        RemedyEntry(
            "optimizer_argument",
            representable_eps,
            "eps {old:g} → {value:g}",
            "a representable eps keeps the quotient finite if a gradient is 0",
            "Kingma & Ba 2015, §2",
            cost=1,
        ),
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
            rate_at_first_curvature,
            phrases.NEW_LEARNING_RATE,
            phrases.STABLE_STEPS,
            phrases.STABILITY_SOURCE,
            cost=1,
        ),
        RemedyEntry(
            "learning_rate",
            rate_at_largest_curvature,
            phrases.NEW_LEARNING_RATE,
            phrases.STABLE_STEPS,
            phrases.STABILITY_SOURCE,
            cost=1,
        ),
        RemedyEntry(
            "learning_rate",
            default_adam_rate,
            phrases.NEW_LEARNING_RATE,
            "a step of Adam is about as long as the learning rate, whatever the gradient norm",
            "Kingma & Ba 2015, §2.1",
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
            "learning_rate",
            rate_for_usual_step,
            phrases.NEW_LEARNING_RATE,
            "each step then changes the weights by a hundredth of their norm",
            "Karpathy, CS231n, Ratio of weights:updates",
            cost=1,
        ),
        RemedyEntry(
            "linear_schedule",
            warm_up,
            phrases.WARM_UP_LEARNING_RATE,
            "the curvature is largest at the start, and warm-up keeps the first steps short",
            "Gilmer et al. 2022; Goyal et al. 2017, §2.2",
            decides=False,
        ),
        replace(CLIP_RARE_GRADIENTS, neutral=True),
        ADAM,
    ),
    example=CodeExample(
        faulty=(
            "# Each step of Adam changes each weight by about 1.\n"
            "optimizer = torch.optim.Adam(model.parameters(), lr=1.0)"
        ),
        fixed="optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report steps that are too long for the curvature or for the weights, or a loss that becomes NaN or infinite.

    Learning rate × largest curvature above the stability limit is reported only if the loss does not fall well:
    training at the edge of stability stays close to the limit (Cohen et al. 2021).
    """
    for key in record.every(facts.Optimizer) or ["0"]:
        rise = summary.first_rise(key)
        found = _report_first_step_too_long(record, summary, key)
        if found is None and (
            rise is not None or summary.is_stuck(key) or _do_steps_often_exceed_limit(record, summary, key)
        ):
            found = _report_step_above_limit(record, summary, key, rise) or _report_loss_not_finite(
                record, summary, key
            )
        if (found := found or _report_several_steps_too_long(record, summary, key)) is not None:
            return found
    return None


def _do_steps_often_exceed_limit(record: Record, summary: RunSummary, key: str) -> bool:
    """Return whether most steps exceed the stability limit, and one does twofold, in a run with much left to learn."""
    bound = stability_bound(record.fact(facts.Optimizer, key))
    lengths = learning_rate_times_curvature(record, key, "curvature").finite().values
    if bound is None or curvature_name(record, key) != "curvature" or not lengths or not summary.cost_left > MUCH_LEFT:
        return False
    return median(lengths) > bound.value and max(lengths) > FAR * bound.value


def _report_step_above_limit(record: Record, summary: RunSummary, key: str, rise: int | None) -> Detection | None:
    """Report the step that exceeds the stability limit by most; steps after the first rise of the loss are ignored."""
    bound = stability_bound(record.fact(facts.Optimizer, key))
    name = curvature_name(record, key)
    if bound is None or name is None:
        return None
    early = EARLY_STEPS if name == "preconditioned_curvature" else 0
    latest = record.steps if rise is None else max(rise, early + 2)
    over = [
        (s, v)
        for s, v in learning_rate_times_curvature(record, key, name).finite()
        if v > bound.value and early <= s <= latest
    ]
    if not over or (rise is None and over[0][0] > LATE * record.steps):
        return None
    step, value = max(over, key=lambda pair: pair[1])
    is_usual = record.series("learning_rate", key).max <= ADAM_RATE
    if name == "preconditioned_curvature" and rise is None and is_usual and not summary.diverged(key):
        return None  # In many healthy runs, the first steps of an adaptive optimizer exceed the limit by far.
    fates = (
        ("becomes NaN or infinite", summary.diverged(key)),
        ("rises", rise is not None),
        (_high_loss_phrase(record, summary), summary.is_stuck(key)),
        ("goes up and down", True),
    )
    what = next(fate for fate, is_so in fates if is_so)
    return Detection(
        summary.diverged(key),
        f"the steps are too long for the curvature: learning rate × largest curvature (α·λmax) is {value:.3g} at step "
        f"{step} (stability limit: {bound.value:.3g}), and the loss {what}",
        "lr * lambda_max",
        value,
        bound.value,
        bound.source,
        record.site(SiteKind.OPTIMIZER, key) or record.site(SiteKind.BACKWARD),
        likely=rise is not None,
        optimizer=key,
        evidence=(("loss", key), (name, key), ("learning_rate", key)),
    )


def _high_loss_phrase(record: Record, summary: RunSummary) -> str:
    """Return a phrase about a loss that stays high: it ends near that of a constant prediction, or does not fall."""
    return f"ends near that of {constant_message(record)}" if summary.constant_cost else "does not fall"


def _report_loss_not_finite(record: Record, summary: RunSummary, key: str) -> Detection | None:
    """Report a loss that is finite at the first step and later becomes NaN or infinite, even for an unknown reason."""
    if not summary.diverged(key) or not isfinite(record.series("loss", key).first):
        return None
    step = next(s for s, v in record.series("loss", key) if not isfinite(v))
    measured = curvature_name(record, key) is not None
    known = "no earlier step exceeded the stability limit" if measured else "the curvature could not be measured"
    if (eps := eps_rounded_to_zero(record, key)) is not None:
        known = f"eps = {eps:g} rounds to 0 in the parameters' precision, so a zero gradient is divided by zero"
    return Detection(
        True,
        f"the loss becomes NaN or infinite at step {step}; {known}",
        "loss",
        float("inf"),
        0.0,
        "Ba, CSC413 lecture 4, Recap: the cost increases",
        record.site(SiteKind.OPTIMIZER, key) or record.site(SiteKind.BACKWARD),
        optimizer=key,
        evidence=(("loss", key),),
    )


def _report_first_step_too_long(record: Record, summary: RunSummary, key: str) -> Detection | None:
    """Report a first step that changes the weights by more than their own norm.

    An adaptive optimizer changes each weight by about the learning rate, however small the weight is. Optimizers
    without a known stability limit are also checked.
    """
    optimizer = record.fact(facts.Optimizer, key)
    if optimizer is None or not optimizer.lr or not summary.cost_left > LEFT_TO_LEARN:
        return None
    if optimizer.rule not in ADAPTIVE and stability_bound(optimizer) is not None:
        return None
    ratio = first_step_length(record)
    if not ratio > OUTRUN:
        return None
    sentence = (
        f"the first step changes the weights by {ratio:.2g} times their own norm (limit: {OUTRUN:g}): a learning rate "
        f"of {optimizer.lr:g} is too large for weights of that size"
    )
    source = "Kingma & Ba 2015, §2.1: a step of Adam changes each weight by at most about the learning rate"
    return _step_length_symptom(record, key, sentence, ratio, OUTRUN, source)


def _report_several_steps_too_long(record: Record, summary: RunSummary, key: str) -> Detection | None:
    """Report several steps that each change the weights by a large share of their norm, if the run has not learned."""
    value = repeated_step_length(record)
    if not value > LONG_STEPS or has_opponents(record) or summary.has_learned:
        return None
    sentence = (
        f"at least {OFTEN} steps change the weights by {value:.2g} of their own norm or more (limit: {LONG_STEPS:g}): "
        "the learning rate is too large for weights of that size"
    )
    return _step_length_symptom(record, key, sentence, value, LONG_STEPS, "Karpathy, CS231n, Ratio of weights:updates")


def _step_length_symptom(record: Record, key: str, sentence: str, ratio: float, limit: float, source: str) -> Detection:
    """Return the symptom of steps that are too long in comparison with the norm of the weights."""
    return Detection(
        False,
        sentence,
        "update_ratio",
        ratio,
        limit,
        source,
        record.site(SiteKind.OPTIMIZER, key) or record.site(SiteKind.BACKWARD),
        optimizer=key,
        evidence=(("loss", key), *(("update_ratio", p) for p in measured_weights(record)[:3])),
    )
