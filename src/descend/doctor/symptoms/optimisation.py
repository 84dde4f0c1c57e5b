"""Optimisation: something must be wrong, and no name fits: what the rule makes of the gradients is still open."""

from descend.doctor.course.own_metric import HALVED, LITTLE, OwnMetric, is_told_by_loss, own_metrics
from descend.doctor.course.suffering import suffers
from descend.doctor.record import Record
from descend.doctor.symptoms.sign import Sign

SOURCE = "Choi et al. 2019, §2: rules differ by their arguments, and no comparison holds before these are tuned"


def optimisation(record: Record) -> Sign | None:
    """The run suffers, or no loss tells how well it goes and its own numbers leave much open."""
    metrics = own_metrics(record)
    is_open = bool(metrics) and not is_told_by_loss(record) and all(_leaves_much(record, m) for m in metrics)
    if not is_open and not suffers(record):
        return None
    ends = [metric.end(record) for metric in metrics[:1]]
    told = f"ends with {metrics[0].name!r} at {ends[0]:.3g}" if ends else "does not learn what it is asked"
    return Sign(
        certain=False,
        sentence=f"the run {told}, and nothing that has a name of its own explains it: what the rule makes of the "
        "gradients is left",
        quantity="the script's own number" if ends else "cost",
        value=ends[0] if ends else record.series("loss", "0").last,
        bound=metrics[0].untrained if metrics else 0.0,
        source=SOURCE,
        where=record.site("optimizer", "0"),
    )


def _leaves_much(record: Record, metric: OwnMetric) -> bool:
    """Whether much may be missing by a number: of one without bounds that is never known."""
    curve = metric.curve(record)
    if metric.kind == "gain":
        return True
    if metric.kind == "share":
        return curve.last > LITTLE * metric.whole
    first = max(curve.first, metric.cost(metric.untrained) if metric.untrained == metric.untrained else 0.0)
    return curve.last > HALVED * first
