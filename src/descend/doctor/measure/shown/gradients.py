"""Statistics of the gradients at points of a run: bias, noise scale, variance by batch size, momentum, learning rate.

Each fact is sent as soon as it is known, so that the results of an interrupted run can be shown too.
"""

import time
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from descend.doctor.measure.shown.loader_gradients import LoaderGradients
from descend.doctor.measure.shown.points import Point, distinct_recordings, loss_at, points
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import facts
from descend.doctor.tape import StaleData
from descend.doctor.tape.per_example import NotSeparable, check_mean, example_losses
from descend.landscape import Gradients, Loss, bias, noise_scale, part_gradients, variance_by_size
from descend.landscape.batch_variance import averaged_variance
from descend.landscape.fits import Line
from descend.landscape.gradients import ROWS_BYTES
from descend.landscape.loss import Evaluate
from descend.landscape.spectrum import Estimate
from descend.landscape.vectors import flat
from descend.landscape.weight_variance import weight_variance

FEWEST, FEWEST_BATCHES = 16, 3  # smallest numbers of example gradients, and of batch gradients, that are analysed
BETAS = (0.0, 0.5, 0.9, 0.99)
# number of steps of a short run at the script's learning rate, and number of times that the rate is halved
REACH, HALVINGS = 8, 2
FEWEST_RUNS, MOST_RUNS = 6, 12  # smallest and largest number of short runs at each learning rate
# time limit for all short runs in seconds, and number of gradients that are timed to predict this time
LONGEST_S, TRIED = 20.0, 3


def gradient_statistics(snapshot: Snapshot) -> Measurement:
    """Yield statistics of the gradients at each requested point of the run."""
    for point in points(snapshot):
        try:
            yield from _statistics_at_point(snapshot, point)
        except (StaleData, ValueError) as error:
            raise Unavailable(str(error)) from None


def _statistics_at_point(snapshot: Snapshot, point: Point) -> Measurement:
    """Yield statistics of the gradients at one point of the run; those that are fast to compute come first."""
    loss = loss_at(snapshot, point)
    yield point.fact(facts.Measuring("gradients"))
    sample, why = _sample_gradients(snapshot, point.theta)
    found = noise_scale(sample)
    batch = distinct_recordings(snapshot)[0].batch_size
    yield point.fact(
        facts.GradientNoise(
            squared=found.squared,
            variance=found.variance,
            covariance=found.covariance,
            count=sample.count,
            examples=sample.examples,
            why=why,
            batch_size=batch,
            loader=next(iter(distinct_recordings(snapshot)[0].loaders.values()), ""),
            parameters=sample.rows.shape[1],
            loss=loss.value(point.theta),
            optimizer=dict(point.optimizer),
        )
    )
    yield point.fact(_variance_by_batch_size(sample))
    if sample.examples == 1 and batch < sample.count:
        yield point.fact(facts.MomentumVariance(tuple(_variance_of_average(sample, batch, beta) for beta in BETAS)))
    yield point.fact(facts.Measuring("all examples"))
    yield point.fact(_test_bias(snapshot, point))
    yield point.fact(facts.Measuring("short runs"))
    yield point.fact(_variance_by_learning_rate(snapshot, point))


def _sample_gradients(snapshot: Snapshot, theta: Sequence[Tensor]) -> tuple[Gradients, str]:
    """Return gradients of single examples and ""; or gradients of batches, and why examples cannot be used.

    If the step cannot be split into examples, return the gradients of batches of one size and the reason. Raises
    `Unavailable` for fewer than 3 batches.
    """
    most, why = ROWS_BYTES // (4 * sum(t.numel() for t in theta)), ""
    if most >= FEWEST:
        try:
            rows = torch.cat(list(_example_gradients(snapshot, theta, most)))
        except NotSeparable as reason:
            why = str(reason)
        else:
            if len(rows) >= FEWEST:
                return Gradients(rows), ""
            why = f"there are {len(rows)} examples"
    alike = [r for r in distinct_recordings(snapshot) if r.batch_size == distinct_recordings(snapshot)[0].batch_size]
    why = why or f"{FEWEST} gradients of {sum(t.numel() for t in theta):,} parameters do not fit in memory"
    if len(alike) < FEWEST_BATCHES:
        raise Unavailable(
            f"{FEWEST_BATCHES} batches of one size are needed, not {len(alike)}; single examples cannot be used: {why}"
        )
    evaluation = snapshot.asked["evaluation"]
    parts = tuple(part for r in alike for part in r.loss(snapshot.parameters, evaluation=evaluation).parts)
    return part_gradients(Loss(parts), theta, alike[0].batch_size), why


def _example_gradients(snapshot: Snapshot, theta: Sequence[Tensor], most: int) -> Iterator[Tensor]:
    """Yield, for each batch, the gradients ``(n, p)`` of its n examples. Raises `NotSeparable`."""
    evaluation = snapshot.asked["evaluation"]
    for recording in distinct_recordings(snapshot):
        parts = example_losses(recording, snapshot.parameters, evaluation=evaluation)
        if len(parts) > most:
            return
        most -= len(parts)
        whole = flat(recording.loss(snapshot.parameters, evaluation=evaluation).gradient(theta))
        try:
            rows = torch.stack([flat(Loss((part,)).gradient(theta)) for part in parts])
        except (RuntimeError, IndexError, ValueError) as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise NotSeparable(f"the step cannot be computed for one example: {said[0]}") from None
        check_mean(rows, whole)
        yield rows


def _variance_by_batch_size(sample: Gradients) -> facts.BatchVariance:
    """Return the variance of a batch's mean gradient for several batch sizes, with confidence intervals."""
    sizes = [2**k for k in range(sample.count.bit_length()) if 2 ** (k + 1) <= sample.count]
    found = variance_by_size(sample, sizes)
    return facts.BatchVariance(
        sizes=tuple(size * sample.examples for size in sizes),
        variances=tuple(_estimate(variance) for variance in found.variances),
        factors=tuple(found.factor(size) for size in sizes),
        single=float(sample.errors.diagonal().mean()) * sample.examples,
        population=sample.count * sample.examples,
        exponent=_slope_estimate(found.exponent()) if len(sizes) > 1 else None,
    )


def _variance_of_average(sample: Gradients, batch: int, beta: float) -> facts.AveragedGradient:
    """Return the variance of an exponential moving average of batch gradients: predicted and measured."""
    independent, dealt = (averaged_variance(sample, batch, beta, reshuffled=dealt) for dealt in (False, True))
    return facts.AveragedGradient(beta, independent.predicted, _estimate(independent.ratio), _estimate(dealt.ratio))


def _test_bias(snapshot: Snapshot, point: Point) -> facts.GradientBias | facts.BiasUntested:
    """Test whether the mean of batch gradients equals the full gradient; return the result, or why it is untested."""
    recording = distinct_recordings(snapshot)[0]
    loader = next(iter(recording.loaders.values()), "")
    try:
        dealt = LoaderGradients(
            recording, snapshot.loader(loader), snapshot.parameters, evaluation=snapshot.asked["evaluation"]
        )
        found = bias(dealt.next_batches(point.theta), dealt.full_gradient(point.theta))
    except (Unavailable, ValueError) as reason:
        return facts.BiasUntested(str(reason))
    return facts.GradientBias(
        distance=found.distance,
        by_chance=found.by_chance,
        p_value=found.p_value,
        along=_estimate(found.along),
        examples=len(dealt.loader.dataset),
    )


def _variance_by_learning_rate(snapshot: Snapshot, point: Point) -> facts.WeightVariance | facts.NoShortRuns:
    """Return the variance of the weights after short SGD runs at several learning rates, or why runs are impossible."""
    lr, loss = point.optimizer.get("lr"), loss_at(snapshot, point)
    if not isinstance(lr, float) or not lr > 0:
        return facts.NoShortRuns("the optimizer has no learning rate")
    if len(loss.parts) < 3:
        return facts.NoShortRuns(f"only {len(loss.parts)} batches are available to draw from")
    rates = [lr / 2**k for k in range(HALVINGS + 1)]
    steps = sum(REACH * 2**k for k in range(HALVINGS + 1))
    needed = steps * min(_measure_seconds(loss.parts[:1], point.theta) for _ in range(TRIED))
    runs = min(MOST_RUNS, int(LONGEST_S / needed))
    if runs < FEWEST_RUNS:
        return facts.NoShortRuns(
            f"the short runs need {FEWEST_RUNS * steps} gradients, which take {FEWEST_RUNS * needed:.0f} s"
        )
    try:
        found = weight_variance(loss, point.theta, rates, REACH * lr, repeats=runs)
    except ValueError as reason:
        return facts.NoShortRuns(str(reason))
    return facts.WeightVariance(
        rates=found.rates,
        variances=tuple(_estimate(variance) for variance in found.variances),
        predicted=found.predicted,
        steps=REACH,
        runs=runs,
        exponent=_slope_estimate(found.exponent()),
    )


def _measure_seconds(parts: tuple[Evaluate, ...], theta: Sequence[Tensor]) -> float:
    """Return the time that one gradient of the loss takes, in seconds."""
    began = time.perf_counter()
    Loss(parts).gradient(theta)
    return time.perf_counter() - began


def _estimate(found: Estimate) -> facts.Estimate:
    """Return an estimate with standard error and degrees of freedom, which define its confidence interval."""
    return facts.Estimate(found.value, found.standard_error, len(found.samples) - 1)


def _slope_estimate(found: Line) -> facts.Estimate:
    """Return the slope of a fitted line, its standard error and its degrees of freedom."""
    return facts.Estimate(found.slope, found.covariance[2] ** 0.5, found.freedom)
