"""The statistics of a script's gradients at points of its run: bias, noise scale, variance by size, momentum and rate.

Each answer is sent when it is there, so that what an interruption leaves can be shown.
"""

import time
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from descend.doctor.probes.shown.drawn import Dealt
from descend.doctor.probes.shown.points import Point, looked_on, loss_at, points
from descend.doctor.probes.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import facts
from descend.doctor.tape import Stale
from descend.doctor.tape.selection import NotSeparable, check_mean, example_parts
from descend.landscape import Gradients, Loss, bias, noise_scale, part_gradients, variance_by_size
from descend.landscape.batch_variance import averaged_variance
from descend.landscape.fits import Line
from descend.landscape.gradients import ROOM_BYTES
from descend.landscape.loss import Evaluate
from descend.landscape.spectrum import Estimate
from descend.landscape.vectors import flat
from descend.landscape.weight_variance import weight_variance

FEWEST, FEWEST_BATCHES = 16, 3  # to say anything of
BETAS = (0.0, 0.5, 0.9, 0.99)
REACH, HALVINGS = 8, 2  # steps of a short run at the script's own rate, and how often that is halved
FEWEST_RUNS, MOST_RUNS = 6, 12  # at each rate,
LONGEST_S, TRIED = 20.0, 3  # as many as this takes, by the fastest of so many gradients


def gradient_statistics(snapshot: Snapshot) -> Measurement:
    """Yield the facts of the gradients at each point that is asked for."""
    for point in points(snapshot):
        try:
            yield from _statistics(snapshot, point)
        except (Stale, ValueError) as error:
            raise Unavailable(str(error)) from None


def _statistics(snapshot: Snapshot, point: Point) -> Measurement:
    loss = loss_at(snapshot, point)
    yield point.fact(facts.Measuring("gradients"))
    sample, why = _sample(snapshot, point.theta)
    found = noise_scale(sample)
    batch = looked_on(snapshot)[0].examples
    yield point.fact(
        facts.GradientNoise(
            squared=found.squared,
            variance=found.variance,
            covariance=found.covariance,
            count=sample.count,
            examples=sample.examples,
            why=why,
            batch_size=batch,
            loader=next(iter(looked_on(snapshot)[0].loaders.values()), ""),
            parameters=sample.rows.shape[1],
            loss=loss.value(point.theta),
            optimizer=dict(point.optimizer),
        )
    )
    yield point.fact(_by_size(sample))
    if sample.examples == 1 and batch < sample.count:
        yield point.fact(facts.MomentumVariance(tuple(_averaged(sample, batch, beta) for beta in BETAS)))
    yield point.fact(facts.Measuring("all examples"))
    yield point.fact(_bias(snapshot, point))
    yield point.fact(facts.Measuring("short runs"))
    yield point.fact(_by_rate(snapshot, point))


def _sample(snapshot: Snapshot, theta: Sequence[Tensor]) -> tuple[Gradients, str]:
    """Return the gradients of the fixed examples, as many as there is room for.

    Where these cannot be taken apart: of the batches of one size, and why. Raises `Unavailable` for fewer than 3.
    """
    most, why = ROOM_BYTES // (4 * sum(t.numel() for t in theta)), ""
    if most >= FEWEST:
        try:
            rows = torch.cat(list(_of_examples(snapshot, theta, most)))
        except NotSeparable as reason:
            why = str(reason)
        else:
            if len(rows) >= FEWEST:
                return Gradients(rows), ""
            why = f"there are {len(rows)} examples"
    alike = [r for r in looked_on(snapshot) if r.examples == looked_on(snapshot)[0].examples]
    why = why or f"{FEWEST} gradients of {sum(t.numel() for t in theta):,} parameters take too much room"
    if len(alike) < FEWEST_BATCHES:
        raise Unavailable(f"it takes {FEWEST_BATCHES} batches of one size, not {len(alike)}, or examples: {why}")
    evaluation = snapshot.asked["evaluation"]
    parts = tuple(part for r in alike for part in r.loss(snapshot.parameters, evaluation=evaluation).parts)
    return part_gradients(Loss(parts), theta, alike[0].examples), why


def _of_examples(snapshot: Snapshot, theta: Sequence[Tensor], most: int) -> Iterator[Tensor]:
    """Yield the gradients of each batch's examples, (n, p). Raises `NotSeparable`."""
    evaluation = snapshot.asked["evaluation"]
    for recording in looked_on(snapshot):
        parts = example_parts(recording, snapshot.parameters, evaluation=evaluation)
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


def _by_size(sample: Gradients) -> facts.BatchVariance:
    sizes = [2**k for k in range(sample.count.bit_length()) if 2 ** (k + 1) <= sample.count]
    found = variance_by_size(sample, sizes)
    return facts.BatchVariance(
        sizes=tuple(size * sample.examples for size in sizes),
        variances=tuple(_estimate(variance) for variance in found.variances),
        factors=tuple(found.factor(size) for size in sizes),
        single=float(sample.errors.diagonal().mean()) * sample.examples,
        population=sample.count * sample.examples,
        exponent=_slope(found.exponent()) if len(sizes) > 1 else None,
    )


def _averaged(sample: Gradients, batch: int, beta: float) -> facts.AveragedGradient:
    independent, dealt = (averaged_variance(sample, batch, beta, reshuffled=dealt) for dealt in (False, True))
    return facts.AveragedGradient(beta, independent.predicted, _estimate(independent.ratio), _estimate(dealt.ratio))


def _bias(snapshot: Snapshot, point: Point) -> facts.GradientBias | facts.BiasUntested:
    """Return the test of E⟨g⟩ = G, or why there is none."""
    recording = looked_on(snapshot)[0]
    loader = next(iter(recording.loaders.values()), "")
    try:
        dealt = Dealt(recording, snapshot.loader(loader), snapshot.parameters, evaluation=snapshot.asked["evaluation"])
        found = bias(dealt.drawn(point.theta), dealt.whole(point.theta))
    except (Unavailable, ValueError) as reason:
        return facts.BiasUntested(str(reason))
    return facts.GradientBias(
        distance=found.distance,
        by_chance=found.by_chance,
        p_value=found.p_value,
        along=_estimate(found.along),
        examples=len(dealt.loader.dataset),
    )


def _by_rate(snapshot: Snapshot, point: Point) -> facts.WeightVariance | facts.NoShortRuns:
    """Return the spread of short runs of plain SGD on the batches from the point, or why there is none."""
    lr, loss = point.optimizer.get("lr"), loss_at(snapshot, point)
    if not isinstance(lr, float) or not lr > 0:
        return facts.NoShortRuns("the optimizer has no learning rate")
    if len(loss.parts) < 3:
        return facts.NoShortRuns(f"there are {len(loss.parts)} batches to draw from")
    rates = [lr / 2**k for k in range(HALVINGS + 1)]
    steps = sum(REACH * 2**k for k in range(HALVINGS + 1))
    needed = steps * min(_seconds(loss.parts[:1], point.theta) for _ in range(TRIED))
    runs = min(MOST_RUNS, int(LONGEST_S / needed))
    if runs < FEWEST_RUNS:
        return facts.NoShortRuns(f"{FEWEST_RUNS * steps} gradients would take {FEWEST_RUNS * needed:.0f} s")
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
        exponent=_slope(found.exponent()),
    )


def _seconds(parts: tuple[Evaluate, ...], theta: Sequence[Tensor]) -> float:
    began = time.perf_counter()
    Loss(parts).gradient(theta)
    return time.perf_counter() - began


def _estimate(found: Estimate) -> facts.Estimate:
    """Return the mean, its standard error and the degrees of freedom: what an interval is made of."""
    return facts.Estimate(found.value, found.standard_error, len(found.samples) - 1)


def _slope(found: Line) -> facts.Estimate:
    return facts.Estimate(found.slope, found.covariance[2] ** 0.5, found.freedom)
