"""The statistics of a script's gradients at points of its run, as pictures and tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

from descend.doctor.record import Record, facts
from descend.doctor.report.figure import Figure, Key, Panel, Trace, log_axis
from descend.doctor.report.table import Table
from descend.doctor.report.wording import count, number
from descend.ground.interval import ratio_interval, student

FACTS = {
    facts.GradientNoise: "gradient_noise",
    facts.BatchVariance: "batch_variance",
    facts.MomentumVariance: "momentum_variance",
    facts.GradientBias: "gradient_bias",
    facts.BiasUntested: "gradient_bias",
    facts.WeightVariance: "weight_variance",
    facts.NoShortRuns: "weight_variance",
    facts.BatchRun: "batch_run",
}  # as they are printed
MOST_TICKS = 8


@dataclass(frozen=True)
class Looked:
    """What was measured at one point of the run; None what was not."""

    label: str
    step: int
    noise: facts.GradientNoise
    by_size: facts.BatchVariance | None
    momentum: facts.MomentumVariance | None
    bias: facts.GradientBias | None
    untested: facts.BiasUntested | None
    by_rate: facts.WeightVariance | None
    no_runs: facts.NoShortRuns | None

    @property
    def noise_scale(self) -> tuple[float, float, float]:
        """The gradient noise scale, in examples, with the ends of its 95 % interval."""
        over, under = self.noise.variance, self.noise.squared
        low, high = ratio_interval(over, under, self.noise.covariance, student(self.noise.count - 1))
        return (over / under if under > 0 else inf), max(low, 0.0), high


def looked_at(record: Record) -> list[Looked]:
    """Return what is known of each point, in the order of the run; of an interrupted one what there is."""
    return [
        Looked(
            label,
            record.history(facts.GradientNoise, label)[-1].step,
            noise,
            record.fact(facts.BatchVariance, label),
            record.fact(facts.MomentumVariance, label),
            record.fact(facts.GradientBias, label),
            record.fact(facts.BiasUntested, label),
            record.fact(facts.WeightVariance, label),
            record.fact(facts.NoShortRuns, label),
        )
        for label, noise in record.every(facts.GradientNoise).items()
    ]


def gradient_pictures(record: Record) -> list[Figure | Table]:
    """Return tables and pictures of the gradients' statistics at each point; none where nothing is known."""
    found = looked_at(record)
    pictures: list[Figure | Table] = [_summary(found)] if found else []
    biases = [looked for looked in found if looked.bias or looked.untested]
    pictures += [_biases(biases)] if biases else []
    for looked in found:
        pictures += [_by_size(looked, looked.by_size)] if looked.by_size else []
        pictures += [_momentum(looked, looked.momentum)] if looked.momentum else []
        pictures += [_by_rate(looked.label, looked.by_rate)] if looked.by_rate else []
    return pictures


def _summary(found: Sequence[Looked]) -> Table:
    rows = []
    for looked in found:
        noise = looked.noise
        value, low, high = looked.noise_scale
        length = sqrt(max(noise.squared, 0.0))
        error = sqrt(noise.variance / noise.batch_size)
        share = f"{number(error / length)} of it" if length else "larger"
        scale = f"{number(value)} [{number(low)}, {number(high)}]"
        rows.append((looked.label, str(looked.step), number(noise.loss), number(length), share, scale))
    noise = found[0].noise
    if noise.examples == 1:
        basis = f"From the gradients of {count(noise.count, 'single example')}."
    else:
        basis = (
            f"From the gradients of {count(noise.count, 'batch', 'batches')} of {noise.examples} examples, "
            f"because {noise.why}."
        )
    caption = (
        f"{basis} |G|: the length of the gradient over the data that they are a sample of. Error: of the gradient "
        f"of a batch of {noise.batch_size}, this script's size. Noise scale: the size of a batch whose error is as "
        "large as the gradient (McCandlish et al. 2018), with its 95 % interval; a larger batch gains little."
    )
    head = ("weights", "step", "cost", "|G|", "error", "noise scale, examples")
    return Table("The gradient and its noise", head, rows, caption, frozenset({1, 2, 3}))


def _biases(found: Sequence[Looked]) -> Table:
    rows: list[tuple[str, ...]] = []
    for looked in found:
        known = looked.bias
        if known is None:
            rows.append((looked.label, "", "", "", "", "not tested"))
            continue
        mean, error, freedom = known.along
        half = student(freedom) * error
        along = f"{number(mean)} [{number(mean - half)}, {number(mean + half)}]"
        verdict = "another mean" if known.p_value < 0.05 else "no bias found"
        numbers = (number(known.distance), number(known.by_chance))
        rows.append((looked.label, *numbers, along, number(known.p_value), verdict))
    tested = [looked.bias for looked in found if looked.bias]
    basis = f"{tested[0].along.freedom + 1} batches that the loader deals next" if tested else "Batches"
    caption = (
        f"{basis}, all at the same weights, against the gradient G of all its examples. Distance: of their mean from "
        "G, in lengths of G. Chance: what it stays below in 95 of 100 where batches are unbiased. Along G: the mean "
        "part of a batch along G, 1 where they are unbiased. p: how often chance takes the mean as far."
    )
    head = ("weights", "distance", "chance", "along G", "p", "E⟨g⟩ = G?")
    left_out = "".join(f" {remark[0].upper()}{remark[1:]}." for remark in _untested(found))
    return Table("Whether a batch's gradient is right on average", head, rows, caption + left_out, frozenset({1, 2}))


def gradient_remarks(record: Record) -> list[str]:
    """Return what could not be measured, and why."""
    found = looked_at(record)
    left = [(looked.label, looked.no_runs.why) for looked in found if looked.no_runs]
    return _untested(found) + [f"no short runs from the {label} weights: {why}" for label, why in left if why]


def _untested(found: Sequence[Looked]) -> list[str]:
    left = [(looked.label, looked.untested.why) for looked in found if looked.untested]
    return [f"E⟨g⟩ = G was not tested at the {label} weights: {why}" for label, why in left if why]


def _by_size(looked: Looked, known: facts.BatchVariance) -> Figure:
    sizes, single = known.sizes, known.single
    unit = looked.noise.examples
    alone = [single / size for size in sizes]
    dealt = [single / size * factor for size, factor in zip(sizes, known.factors)]
    panel = Panel(
        f"Variance of a batch's gradient, {looked.label} weights",
        (
            _line(sizes, alone, "ink", "slope −1", "dash"),
            _line(sizes, dealt, "cure", "dealt without replacement"),
            _points(sizes, known.variances, "cause", "measured"),
        ),
        (
            Key("measured, with 95 % intervals", "cause", "dot"),
            Key("1/S, of independent examples", "ink", "dash"),
            Key(f"dealt without replacement out of {number(known.population)}", "cure"),
        ),
        x_title="examples in a batch, S",
        x=_log_axis(sizes),
        y=log_axis([*alone, *dealt, *(v.mean for v in known.variances)]),
        height=280,
    )
    caption = (
        "The squared distance of a batch's gradient from that of all the fixed examples, summed over the parameters, "
        f"mean of 400 batches of each size{'' if unit == 1 else ', each of whole batches of the script'}. A batch that "
        "is dealt without replacement varies less by (N − S)/(N − 1)."
    )
    if known.exponent:
        slope, error, freedom = known.exponent
        half = student(freedom) * error
        caption += (
            f" With that factor taken out, the variance falls with S to the power of {number(slope)} "
            f"[{number(slope - half)}, {number(slope + half)}]; −1 is expected."
        )
    return Figure((panel,), caption)


def _momentum(looked: Looked, known: facts.MomentumVariance) -> Figure:
    averages = known.averages
    places = [f"β = {each.beta:g}" for each in averages]
    batch = looked.noise.batch_size
    independent, dealt = [each.independent for each in averages], [each.dealt for each in averages]
    traces = (
        _points(places, independent, "cause", "independent batches"),
        _points(places, dealt, "cure", "batches dealt out of shuffled epochs"),
    )
    predicted: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": places,
        "y": [each.predicted for each in averages],
        "name": "(1 − β)/(1 + β)",
        "marker": {"symbol": "line-ew", "size": 34, "line": {"color": "ink", "width": 2}},
        "hovertemplate": "%{y:.3g}",
    }
    panel = Panel(
        f"What momentum leaves of the variance, {looked.label} weights",
        (*traces, predicted),
        (
            Key("independent batches", "cause", "dot"),
            Key("dealt out of shuffled epochs", "cure", "dot"),
            Key("(1 − β)/(1 + β)", "ink"),
        ),
        x_title="momentum",
        x={"type": "category"},
        y=log_axis([v for each in averages for v in (each.independent.mean, each.dealt.mean)]),
        height=260,
    )
    caption = (
        f"The variance of the running mean m ← β·m + (1 − β)·g of gradients of batches of {batch}, all at the same "
        "weights, as a share of a single batch's. In shuffled epochs each example comes up once before any comes "
        "again, so errors cancel. PyTorch's momentum is this mean times 1/(1 − β)."
    )
    return Figure((panel,), caption)


def _by_rate(label: str, known: facts.WeightVariance) -> Figure:
    rates, predicted = known.rates, known.predicted
    slope, error, freedom = known.exponent
    half = student(freedom) * error
    panel = Panel(
        f"Variance of the weights after short runs, {label} weights",
        (_line(rates, predicted, "ink", "predicted", "dash"), _points(rates, known.variances, "cause", "measured")),
        (Key("measured, with 95 % intervals", "cause", "dot"), Key("η · Var[g] · time, slope 1", "ink", "dash")),
        x_title="learning rate η",
        x=_log_axis(rates),
        y=log_axis([*predicted, *(v.mean for v in known.variances)]),
        height=280,
    )
    caption = (
        f"Plain SGD from these weights on the script's fixed batches, drawn at random, {known.runs} runs at each "
        f"rate, as far as {known.steps} steps at the largest: half the rate takes twice as many. The variance grows "
        f"with η to the power of {number(slope)} [{number(slope - half)}, {number(slope + half)}]; 1 is expected where "
        "the gradient hardly changes on the way. Below the line the cost bends upwards and pulls the runs together."
    )
    return Figure((panel,), caption)


def _line(x: Sequence[float], y: Sequence[float], tone: str, name: str, dash: str = "solid") -> Trace:
    drawn = {"color": tone, "width": 1.5, "dash": dash}
    return {"type": "scatter", "mode": "lines", "x": list(x), "y": list(y), "name": name, "line": drawn, **_hover()}


def _points(x: Sequence[float] | Sequence[str], y: Sequence[facts.Estimate], tone: str, name: str) -> Trace:
    marker = {"size": 7, "color": tone}
    means = [mean for mean, _, _ in y]
    traced = {"type": "scatter", "mode": "markers", "x": list(x), "y": means, "name": name, "marker": marker}
    return {**traced, "error_y": _bar(y, tone), **_hover()}


def _bar(y: Sequence[facts.Estimate], tone: str) -> dict[str, Any]:
    halves = [student(freedom) * error for _, error, freedom in y]
    return {"type": "data", "array": halves, "color": tone, "thickness": 1.25, "width": 3}


def _hover() -> dict[str, str]:
    return {"hovertemplate": "%{y:.3g}"}


def _log_axis(places: Sequence[float]) -> dict[str, Any]:
    """Return a logarithmic axis with a tick at each place, or at every other one where they are many."""
    kept = list(places)[:: -(-len(places) // MOST_TICKS)]
    return {"type": "log", "tickvals": kept, "ticktext": [number(place) for place in kept]}
