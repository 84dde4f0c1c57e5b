"""Fluctuations: at a constant learning rate, gradient noise keeps the parameters moving around the minimum."""

from statistics import fmean, stdev

from descend.doctor.course.progress import LEFT_TO_LEARN, cost_left
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound, Count

SOURCE = "Ba, CSC413 lecture 4, Recap: fluctuations; Bottou et al. 2018, §4: the floor is proportional to the rate"
NOISY = Bound(
    0.4, "standard deviation of the losses over their mean", "chosen; see the range within which no diagnosis changes"
)
FLAT = Bound(
    0.15, "of the mean loss, fallen within the last half", "chosen: single losses say little of a smaller fall"
)
LOSSES = Count(30, "losses", "their standard deviation is then known to an eighth of itself: 1/√(2·30)")
BROUGHT_DOWN = Bound(0.5, "of the largest rate", "chosen: a rate that has been halved is being brought down")


def fluctuations(record: Record) -> Sign | None:
    """Losses that scatter widely about a level that no longer falls, at a rate that is never brought down."""
    for key in record.every(facts.Optimizer):
        values = record.series("loss", key).finite().values
        tail = values[len(values) // 2 :]
        rates = record.series("learning_rate", key)
        if (
            len(tail) < LOSSES
            or not cost_left(record) > LEFT_TO_LEARN
            or rates.last < BROUGHT_DOWN * rates.max
            or fmean(tail) <= 0
        ):
            continue
        spread = stdev(tail) / fmean(tail)
        half = len(tail) // 2
        fallen = 1 - fmean(tail[half:]) / fmean(tail[:half])
        error = spread * (2 / half) ** 0.5  # standard error of `fallen`
        if spread < NOISY or fallen > max(FLAT, 2 * error):
            continue
        return Sign(
            certain=False,
            sentence=f"over the last half of the run the losses scatter by {spread:.0%} about a level that no longer "
            "falls: the gradient's noise, times a constant learning rate, is what is left",
            quantity="standard deviation of the loss / mean",
            value=spread,
            bound=NOISY,
            source=SOURCE,
            where=record.site("optimizer", key),
            optimizer=key,
            evidence=(("loss", key), ("learning_rate", key)),
        )
    return None
