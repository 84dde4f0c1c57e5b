"""The batch size and the gradient noise scale of a run."""

from descend.core.bound import Count
from descend.doctor.record import Record, facts

USUAL_BATCH = Count(
    32, "examples in a batch", "the best results come from batches of 32 examples or fewer: Masters & Luschi 2018"
)


def mean_batch_size(record: Record) -> float:
    """Return the mean number of examples in the first batches; 0 if it is unknown.

    A sequence with a target for each of its tokens is one example.
    """
    monitor = record.fact(facts.Monitor)
    if monitor is None or not monitor.batches:
        return 0.0
    sizes = {loader.batch_size for loader in record.every(facts.Loader).values()}
    given = [size * monitor.batches for size in sizes if size] if len(sizes) == 1 else []
    several = [n for n in (*given, monitor.rows) if 0 < n < monitor.examples and monitor.examples % n == 0]
    return (several or [monitor.examples])[0] / monitor.batches


def noise_scale(record: Record) -> float | None:
    """Return the median gradient noise scale over the run, in examples; None if it was not measured.

    Each value counts for the steps until the next one: it is measured often at first, when it is small.
    """
    series = record.series("gradient_noise_scale", "0").finite()
    if not len(series):
        return None
    until = (*series.steps[1:], max(record.steps, series.steps[-1] + 1))
    spans = {step: end - step for step, end in zip(series.steps, until)}
    ascending = sorted((value, spans[step]) for step, value in series)
    seen = [sum(span for _, span in ascending[: k + 1]) for k in range(len(ascending))]
    return next(value for (value, _), until_here in zip(ascending, seen) if 2 * until_here >= seen[-1])
