"""Batch size: the batches are so large that an epoch has only a few steps."""

from descend.doctor.course.progress import LEFT_TO_LEARN, cost_left, ended_smoothly, falls, loss_left_message
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.places import data_site
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound, Count

SOURCE = "McCandlish et al. 2018, §2.2: beyond the gradient noise scale a larger batch hardly shortens the way"
LARGE = Count(128, "examples in a batch", "chosen: of fewer a step is cheap anyway")
BEYOND = Bound(
    4.0,
    "times the gradient noise scale",
    "chosen: beyond the scale itself a larger batch hardly shortens the way (McCandlish et al. 2018, §2.2)",
)
USUAL = Count(32, "examples in a batch", "the best batches have at most so many: Masters & Luschi 2018")
STILL_FALLING = Bound(
    0.05, "of the cost, over the last half of the run", "chosen: more steps would bring it further down"
)


def batch_size(record: Record) -> Sign | None:
    """The script ended by itself with much of the cost left and still falling, after few steps of many examples."""
    if not ended_smoothly(record):
        return None
    size, noise = examples_in_batch(record), noise_scale(record)
    least = max(LARGE, BEYOND * noise) if noise is not None else LARGE
    if not size >= least or not cost_left(record) > LEFT_TO_LEARN or falls(record) < STILL_FALLING:
        return None
    known = f"at a gradient noise scale of {noise:.2g}" if noise is not None else f"where {USUAL} are usual"
    return Sign(
        certain=False,
        sentence=f"each step averages {size:.0f} examples {known}, and so the passes over the data come to "
        f"{record.steps} steps: {loss_left_message(record)}, and it still falls",
        quantity="examples in a batch",
        value=size,
        bound=least,
        source=SOURCE,
        where=data_site(record),
        optimizer="0",
        evidence=(("loss", "0"), ("gradient_noise_scale", "0")),
    )


def examples_in_batch(record: Record) -> float:
    """Return how many examples the first batches had, on average; 0 where it is not known.

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
    """Return the gradient noise scale over the run, in examples; None where it was not measured.

    It is the median over the steps: it is measured often at first, when it is small, and seldom later.
    """
    series = record.series("gradient_noise_scale", "0").finite()
    if not len(series):
        return None
    until = (*series.steps[1:], max(record.steps, series.steps[-1] + 1))
    spans = {step: end - step for step, end in zip(series.steps, until)}
    ascending = sorted((value, spans[step]) for step, value in series)
    seen = [sum(span for _, span in ascending[: k + 1]) for k in range(len(ascending))]
    return next(value for (value, _), until_here in zip(ascending, seen) if 2 * until_here >= seen[-1])
