"""Wrong objective: the training loss falls, but the logged metric does not improve on its untrained value.

The steps lower the loss L. The reported metric M improves only if a lower L usually means a better M. If L is computed
from the wrong output or the wrong target, M stays at the value of an untrained network, however low L is.
"""

from math import isfinite, nan
from statistics import fmean

from descend.core.bound import Bound
from descend.core.change import change_in_words
from descend.doctor.assess.evaluation_metric import STUCK
from descend.doctor.assess.logged_metric import LoggedMetric
from descend.doctor.assess.noise import running_median
from descend.doctor.assess.objective import batch_objective
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, Series, SiteKind, facts
from descend.doctor.remedy_arguments.sites import other_label_convention
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry, entries_for_places

SOURCE = "Goodfellow et al. 2016, §8.1: training lowers one cost in the hope that another measure improves with it"
AS_LARGE = Bound(
    0.25,
    "relative difference between a logged loss and the training loss",
    "chosen: the same loss function differs less between training and held-out data if the model overfits little",
)

PROBLEM = Problem(
    id="wrong_objective",
    kind="dynamics",
    title="the loss may optimise something other than the reported metric",
    remedies=(
        *(
            RemedyEntry(
                "relabel",
                other_label_convention(number),
                "use {expression} for {name}",
                *phrases.LOSS_MATCHES_METRIC,
                cost=1,
                judged_on="metric",
            )
            for number in range(phrases.CALLS_TRIED)
        ),
        *entries_for_places(
            "turn_term",
            (facts.OnLoss, "turn", phrases.LOSS_TERMS_TRIED),
            phrases.FLIP_SIGN,
            phrases.LOSS_MATCHES_METRIC,
            cost=1,
        ),
        *entries_for_places(
            "exchange_arguments",
            (facts.OnLoss, "exchange", phrases.CALLS_TRIED),
            "exchange the arguments {both} of {function} in line {line}",
            phrases.LOSS_MATCHES_METRIC,
            cost=1,
        ),
        *entries_for_places(
            "skip_call",
            (facts.OnLoss, "skip", phrases.CALLS_TRIED),
            f"{phrases.REMOVE_CALL}, call {{place}}",
            phrases.LOSS_MATCHES_METRIC,
        ),
        *entries_for_places(
            "call_argument",
            (facts.OnLoss, "set", phrases.CALLS_TRIED),
            phrases.SET_ARGUMENT,
            phrases.LOSS_MATCHES_METRIC,
            cost=1,
        ),
        *entries_for_places(
            "call_argument",
            (facts.OnInputs, "set", phrases.CALLS_TRIED),
            phrases.SET_ARGUMENT,
            phrases.LOSS_MATCHES_METRIC,
            cost=1,
        ),
        *entries_for_places(
            "skip_call",
            (facts.OnInputs, "skip", phrases.INPUT_CALLS_TRIED),
            phrases.REMOVE_CALL,
            phrases.INFORMATION_IS_KEPT,
        ),
    ),
    observes=True,
    example=CodeExample(
        faulty="loss = F.triplet_margin_loss(anchor, negative, positive)",
        fixed="loss = F.triplet_margin_loss(anchor, positive, negative)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a run whose training loss falls while a logged metric stays near its untrained value or far from its best.

    If all metrics stay untrained, the loss need not fall: a second mistake may keep it high.
    """
    metric = summary.metric
    is_nothing, falls = summary.has_only_untrained_metrics, summary.is_falling("0")
    if (
        metric is None
        or not summary.may_fail()
        or not (falls or is_nothing)
        or _is_metric_the_training_loss(record, summary, metric)
    ):
        return None
    is_near = summary.has_unimproved_metric
    if not is_near and not any(record.every(kind) for kind in (facts.OnLoss, facts.OnInputs)):
        return None  # Without a place to edit, a trial cannot confirm this suspicion.
    ended = metric.last_value(record)
    is_no_better = is_nothing and falls and not metric.improvement(ended) > 0
    verb = "is" if is_no_better else "may be"
    compared = "no better than" if is_no_better else "little better than" if is_nothing else "still near"
    comparison = f", {compared} the {metric.untrained:.3g} of an untrained network" if is_near else ""
    return Detection(
        certain=is_no_better,
        sentence=f"the training loss {_loss_trend_message(record, summary)}, but the logged {metric.name!r} ends at "
        f"{ended:.3g}{comparison}: the loss {verb} optimising something other than this metric",
        quantity=metric.name,
        value=ended,
        bound=metric.untrained,
        source=SOURCE,
        where=record.site(SiteKind.ON_LOSS, "0") or record.site(SiteKind.LOSS) or record.site(SiteKind.BACKWARD),
        evidence=(("loss", "0"), ("logged_metric", metric.name)),
    )


def _loss_trend_message(record: Record, summary: RunSummary) -> str:
    """Return the trend of the training loss from its first to its last third, for example `falls (2.302 → 1.9)`."""
    early, late = _mean_losses_of_thirds(record)
    if not (isfinite(early) and isfinite(late)):
        return "is not finite"
    falls = summary.is_falling("0") or early - late > (1 - STUCK) * abs(early)
    verb = "falls" if falls else "falls very little" if late < early else "does not fall"
    return f"{verb} ({change_in_words(early, late)})"


def _mean_losses_of_thirds(record: Record) -> tuple[float, float]:
    """Return the mean training losses of the first and the last third of the run; NaN if there are no losses."""
    losses = record.series("loss", "0").finite().values
    size = max(1, len(losses) // 3)
    return (fmean(losses[:size]), fmean(losses[-size:])) if losses else (nan, nan)


def _is_metric_the_training_loss(record: Record, summary: RunSummary, metric: LoggedMetric) -> bool:
    """Return whether the logged metric seems to be the training loss on other data, and falls like the training loss.

    This is known if the script computes the metric with a loss function of `torch.nn.functional`. Otherwise, the values
    must be about as large as the training loss.
    """
    number, curve = record.fact(facts.MetricName, metric.name), record.series("logged_metric", metric.name).finite()
    if number is None or not number.is_loss or metric.rises or not summary.is_falling("0"):
        return False
    falls = len(curve) > 1 and curve.last < curve.first
    return falls and (bool(record.places("evaluation_loss")) or _is_metric_as_large_as_loss(record, curve))


def _is_metric_as_large_as_loss(record: Record, curve: Series) -> bool:
    """Return whether each value of a logged metric is about as large as the training loss at the same step."""
    training = running_median(batch_objective(record, "0").finite())
    if not len(training):
        return False
    pairs = [(value, training.at(step)) for step, value in curve]
    return all(abs(value - loss) <= AS_LARGE * max(abs(value), abs(loss)) for value, loss in pairs)
