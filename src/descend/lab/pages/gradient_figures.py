"""Figures and tables of the statistics of a script's gradients at points of its run."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

from descend.core.interval import ratio_interval, student_quantile
from descend.doctor.record import Record, facts
from descend.doctor.report.figure import Figure, Key, Panel, Trace, log_axis
from descend.doctor.report.formatting import count, number
from descend.lab.pages.table import Table

# These are the names of the measurements in the output of `--format json`.
FACTS = {
    facts.GradientNoise: "gradient_noise",
    facts.BatchVariance: "batch_variance",
    facts.MomentumVariance: "momentum_variance",
    facts.GradientBias: "gradient_bias",
    facts.BiasUntested: "gradient_bias",
    facts.WeightVariance: "weight_variance",
    facts.NoShortRuns: "weight_variance",
    facts.BatchRun: "batch_run",
}
MOST_TICKS = 8
HOVER = {"hovertemplate": "%{y:.3g}"}


@dataclass(frozen=True)
class MeasuredPoint:
    """The gradient statistics at one step of the run; a measurement that was not made is None."""

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
        """Return the gradient noise scale, in examples, with the ends of its 95 % interval."""
        over, under = self.noise.variance, self.noise.squared
        low, high = ratio_interval(over, under, self.noise.covariance, student_quantile(self.noise.count - 1))
        return (over / under if under > 0 else inf), max(low, 0.0), high


def measured_points(record: Record) -> list[MeasuredPoint]:
    """Return the gradient statistics in a record, in the order of the steps, even if the run was interrupted."""
    return [
        MeasuredPoint(
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


def gradient_figures(record: Record) -> list[Figure | Table]:
    """Return the tables and figures of the gradient statistics at several steps; empty if nothing was measured."""
    found = measured_points(record)
    pictures: list[Figure | Table] = [_summary_table(found)] if found else []
    biases = [point for point in found if point.bias or point.untested]
    pictures += [_bias_table(biases)] if biases else []
    for point in found:
        pictures += [_batch_size_figure(point, point.by_size)] if point.by_size else []
        pictures += [_momentum_figure(point, point.momentum)] if point.momentum else []
        pictures += [_learning_rate_figure(point.label, point.by_rate)] if point.by_rate else []
    return pictures


def _summary_table(found: Sequence[MeasuredPoint]) -> Table:
    """Return a table with a row for each step: the gradient norm, its error and the gradient noise scale."""
    rows = []
    for point in found:
        noise = point.noise
        value, low, high = point.noise_scale
        length = sqrt(max(noise.squared, 0.0))
        error = sqrt(noise.variance / noise.batch_size)
        share = f"{number(error / length)} of |G|" if length else "above |G|"
        scale = f"{number(value)} [{number(low)}, {number(high)}]"
        rows.append((point.label, str(point.step), number(noise.loss), number(length), share, scale))
    noise = found[0].noise
    if noise.examples == 1:
        basis = f"From the gradients of {count(noise.count, 'single example')}."
    else:
        basis = (
            f"From the gradients of {count(noise.count, 'batch', 'batches')} of {noise.examples} examples, "
            f"because {noise.why}."
        )
    caption = (
        f"{basis} |G|: the norm of the gradient over all data. Error: the standard error of the gradient of a batch of "
        f"{noise.batch_size} examples, the script's batch size. Noise scale: the batch size at which this error is as "
        "large as the gradient (McCandlish et al. 2018), with its 95 % interval. Larger batches improve little."
    )
    head = ("weights", "step", "loss", "|G|", "error", "noise scale, examples")
    return Table("Gradient and gradient noise", head, rows, caption, frozenset({1, 2, 3}))


def _bias_table(found: Sequence[MeasuredPoint]) -> Table:
    """Return a table of tests for a bias of the batch gradients, with a row for each step."""
    rows: list[tuple[str, ...]] = []
    for point in found:
        known = point.bias
        if known is None:
            rows.append((point.label, "", "", "", "", "not tested"))
            continue
        mean, error, freedom = known.along
        half = student_quantile(freedom) * error
        along = f"{number(mean)} [{number(mean - half)}, {number(mean + half)}]"
        verdict = "biased" if known.p_value < 0.05 else "no bias found"
        numbers = (number(known.distance), number(known.by_chance))
        rows.append((point.label, *numbers, along, number(known.p_value), verdict))
    tested = [point.bias for point in found if point.bias]
    basis = f"Gradients of the next {tested[0].along.freedom + 1} loader batches" if tested else "Gradients of batches"
    caption = (
        f"{basis}, all at the same weights, compared with the gradient G of all examples. Distance: the norm of the "
        "difference between the mean batch gradient and G, relative to |G|. Chance: the 95th percentile of the "
        "distance for unbiased batches. Along G: the mean projection onto G, relative to |G|, which is 1 for unbiased "
        "batches. p: the p-value of the distance."
    )
    head = ("weights", "distance", "chance", "along G", "p", "E⟨g⟩ = G?")
    left_out = "".join(f" {remark[0].upper()}{remark[1:]}." for remark in _untested_messages(found))
    return Table("Bias of the batch gradient", head, rows, caption + left_out, frozenset({1, 2}))


def gradient_remarks(record: Record) -> list[str]:
    """Return a message for each gradient measurement that was not possible, with the reason."""
    found = measured_points(record)
    left = [(point.label, point.no_runs.why) for point in found if point.no_runs]
    no_runs = [f"no short runs were made from the {label} weights: {why}" for label, why in left if why]
    return _untested_messages(found) + no_runs


def _untested_messages(found: Sequence[MeasuredPoint]) -> list[str]:
    """Return a sentence for each step at which no bias of the batch gradients was tested, with the reason."""
    left = [(point.label, point.untested.why) for point in found if point.untested]
    return [f"batch gradients were not tested for bias at the {label} weights: {why}" for label, why in left if why]


def _batch_size_figure(point: MeasuredPoint, known: facts.BatchVariance) -> Figure:
    """Return a figure that plots the variance of the batch gradient against the batch size."""
    sizes, single = known.sizes, known.single
    unit = point.noise.examples
    alone = [single / size for size in sizes]
    dealt = [single / size * factor for size, factor in zip(sizes, known.factors)]
    panel = Panel(
        f"Variance of the batch gradient at the {point.label} weights",
        (
            _line_trace(sizes, alone, "ink", "slope −1", "dash"),
            _line_trace(sizes, dealt, "cure", "drawn without replacement"),
            _estimates_trace(sizes, known.variances, "cause", "measured"),
        ),
        (
            Key("measured, with 95 % intervals", "cause", "dot"),
            Key("1/S, for independent examples", "ink", "dash"),
            Key(f"drawn without replacement from {number(known.population)}", "cure"),
        ),
        x_title="batch size S, examples",
        x=_log_axis(sizes),
        y=log_axis([*alone, *dealt, *(v.mean for v in known.variances)]),
        height=280,
    )
    caption = (
        "The squared distance of a batch gradient from the gradient of all fixed examples, summed over the "
        "parameters, averaged over 400 batches of each "
        f"size{'' if unit == 1 else ', each of which combines batches of the script'}. Drawing without replacement "
        "reduces the variance by the factor (N − S)/(N − 1)."
    )
    if known.exponent:
        slope, error, freedom = known.exponent
        half = student_quantile(freedom) * error
        caption += (
            f" Divided by that factor, the variance is proportional to S to the power of {number(slope)} "
            f"[{number(slope - half)}, {number(slope + half)}]; the expected power is −1."
        )
    return Figure((panel,), caption)


def _momentum_figure(point: MeasuredPoint, known: facts.MomentumVariance) -> Figure:
    """Return a figure of the variance of the exponential average of gradients, for several values of momentum."""
    averages = known.averages
    places = [f"β = {each.beta:g}" for each in averages]
    batch = point.noise.batch_size
    independent, dealt = [each.independent for each in averages], [each.dealt for each in averages]
    traces = (
        _estimates_trace(places, independent, "cause", "independent batches"),
        _estimates_trace(places, dealt, "cure", "batches of shuffled epochs"),
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
        f"Gradient variance that remains with momentum, at the {point.label} weights",
        (*traces, predicted),
        (
            Key("independent batches", "cause", "dot"),
            Key("batches of shuffled epochs", "cure", "dot"),
            Key("(1 − β)/(1 + β)", "ink"),
        ),
        x_title="momentum",
        x={"type": "category"},
        y=log_axis([v for each in averages for v in (each.independent.mean, each.dealt.mean)]),
        height=260,
    )
    caption = (
        f"The variance of the running mean m ← β·m + (1 − β)·g of gradients of batches of {batch}, all at the same "
        "weights, relative to that of a single batch. In shuffled epochs, each example is used once before any is "
        "repeated, so the errors of the batches cancel. PyTorch's momentum buffer is this mean times 1/(1 − β)."
    )
    return Figure((panel,), caption)


def _learning_rate_figure(label: str, known: facts.WeightVariance) -> Figure:
    """Return a figure that plots the variance of the weights after short runs against the learning rate."""
    rates, predicted = known.rates, known.predicted
    slope, error, freedom = known.exponent
    half = student_quantile(freedom) * error
    panel = Panel(
        f"Variance of the weights after short runs from the {label} weights",
        (
            _line_trace(rates, predicted, "ink", "predicted", "dash"),
            _estimates_trace(rates, known.variances, "cause", "measured"),
        ),
        (Key("measured, with 95 % intervals", "cause", "dot"), Key("η · Var[g] · time, slope 1", "ink", "dash")),
        x_title="learning rate η",
        x=_log_axis(rates),
        y=log_axis([*predicted, *(v.mean for v in known.variances)]),
        height=280,
    )
    caption = (
        f"SGD runs from these weights on random batches of the fixed examples, {known.runs} for each learning rate. "
        f"With the largest learning rate, a run takes {known.steps} steps; with half of it, twice as many. The "
        f"variance grows with η to the power of {number(slope)} [{number(slope - half)}, {number(slope + half)}]; the "
        "expected power is 1 if the gradient changes little along the path. If the loss is convex, it pulls the runs "
        "together, and the variance is below the line."
    )
    return Figure((panel,), caption)


def _line_trace(x: Sequence[float], y: Sequence[float], tone: str, name: str, dash: str = "solid") -> Trace:
    """Return the Plotly trace of a line through points, without markers."""
    drawn = {"color": tone, "width": 1.5, "dash": dash}
    return {"type": "scatter", "mode": "lines", "x": list(x), "y": list(y), "name": name, "line": drawn, **HOVER}


def _estimates_trace(x: Sequence[float] | Sequence[str], y: Sequence[facts.Estimate], tone: str, name: str) -> Trace:
    """Return the Plotly trace of estimates, drawn as points with error bars."""
    marker = {"size": 7, "color": tone}
    means = [mean for mean, _, _ in y]
    traced = {"type": "scatter", "mode": "markers", "x": list(x), "y": means, "name": name, "marker": marker}
    return {**traced, "error_y": _error_bars(y, tone), **HOVER}


def _error_bars(y: Sequence[facts.Estimate], tone: str) -> dict[str, Any]:
    """Return Plotly's error bars for estimates: their 95 % confidence intervals."""
    halves = [student_quantile(freedom) * error for _, error, freedom in y]
    return {"type": "data", "array": halves, "color": tone, "thickness": 1.25, "width": 3}


def _log_axis(places: Sequence[float]) -> dict[str, Any]:
    """Return Plotly's settings of a logarithmic axis with ticks at the given values, at most `MOST_TICKS` of them."""
    kept = list(places)[:: -(-len(places) // MOST_TICKS)]
    return {"type": "log", "tickvals": kept, "ticktext": [number(place) for place in kept]}
