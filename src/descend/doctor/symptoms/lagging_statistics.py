"""Lagging statistics: evaluation normalises by other statistics than training does.

Batch normalisation updates its running statistics by r ← (1 − m)·r + m·(statistics of the batch). After T updates, the
initial values 0 and 1 still have the weight (1 − m)^T. If m is small, if there are few updates, or if the statistics
change quickly, the outputs in evaluation differ from those in training.
"""

from descend.core.bound import Bound
from descend.doctor.assess.evaluation_metric import evaluation_metric
from descend.doctor.assess.modules import USUAL_STATISTICS_MOMENTUM
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.layers import unaveraged_buffers, usual_statistics_momentum
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Ioffe & Szegedy 2015, alg. 2; torch.nn.BatchNorm1d: momentum is the weight of the new batch, 0.1 by default"
REMAINING = Bound(
    0.2,
    "share of the initial values in the final running statistics",
    "chosen: with a larger share, the statistics clearly differ from those of the data",
)
FORGETFUL = Bound(
    0.5,
    "weight of a new batch in the running statistics",
    "chosen: with a larger weight, the statistics describe only the last one or two batches",
)
WORSE = Bound(
    1.5,
    "multiple of the cost with batch statistics",
    "chosen: docs/bounds.md gives the range of values that lead to the same diagnoses",
)

PROBLEM = Problem(
    id="lagging_statistics",
    kind="wiring",
    title="running statistics do not follow the training data",
    remedies=(
        RemedyEntry(
            "buffers_too",
            unaveraged_buffers,
            "copy the buffers as well as the parameters",
            "the copy then normalises like the trained network",
            "Ioffe & Szegedy 2015, alg. 2",
            cost=1,
            judged_on="metric",
        ),
        RemedyEntry(
            "statistics_momentum",
            usual_statistics_momentum,
            "set momentum={momentum:g} for the running statistics",
            "evaluation then uses the statistics of recent training batches",
            "Ioffe & Szegedy 2015, alg. 2",
            cost=1,
        ),
    ),
    example=CodeExample(
        faulty="normalisation = nn.BatchNorm1d(64, momentum=0.001)",
        fixed="normalisation = nn.BatchNorm1d(64)  # momentum 0.1",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a much higher loss with running statistics than with batch statistics, if their momentum is unusual."""
    if (loop := record.fact(facts.UnaveragedBuffers, "0")) is not None and summary.may_fail():
        return _report_copy_without_buffers(record, loop.line)
    place = evaluation_metric(record)
    evaluated, trained = (record.series(name, place).finite() for name in ("metric", "metric_in_training_mode"))
    found = find_unusual_statistics(record)
    if found is None or not summary.ended_smoothly or not summary.cost_left > LEFT_TO_LEARN:
        return None
    if not evaluated.last >= WORSE * trained.last:
        return None
    lags = found.momentum < USUAL_STATISTICS_MOMENTUM
    why = (
        f"still contain {found.remaining:.0%} of their initial values after {found.updates} batches with momentum "
        f"{found.momentum:g}"
        if lags
        else f"describe little more than the last batch, with momentum {found.momentum:g}"
    )
    return FatalDetection(
        certain=False,
        likely=True,
        sentence=f"the loss on the same examples is {evaluated.last:.3g} in evaluation mode but {trained.last:.3g} in "
        f"training mode, because the running statistics of {found.layer} {why}",
        quantity="share of the initial values in the statistics" if lags else "share of the last batch",
        value=found.remaining if lags else found.momentum,
        bound=REMAINING if lags else FORGETFUL,
        source=SOURCE,
        where=record.site(SiteKind.RUNNING_STATISTICS),
        module=found.layer,
        evidence=(("metric", place), ("metric_in_training_mode", place)),
    )


def _report_copy_without_buffers(record: Record, line: int) -> Detection:
    """Report a loop that averages the parameters into a copy of the network but omits the running statistics."""
    return FatalDetection(
        certain=False,
        likely=True,
        sentence=f"the loop in line {line} writes the parameters into a copy of the network, but not the buffers: the "
        "copy's running means and variances keep their initial values, and it normalises with them in evaluation mode",
        quantity="buffers that are copied",
        value=0.0,
        bound=1.0,
        source=SOURCE,
        where=record.site(SiteKind.UNAVERAGED_BUFFERS, "0"),
    )


def find_unusual_statistics(record: Record) -> facts.RunningStatistics | None:
    """Return the first running statistics whose momentum is too small or too large, if there are any."""
    for found in record.every(facts.RunningStatistics).values():
        if found.momentum > FORGETFUL or found.momentum < USUAL_STATISTICS_MOMENTUM and found.remaining > REMAINING:
            return found
    return None
