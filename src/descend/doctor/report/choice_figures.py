"""The figures of a comparison: the metric over the steps, the cost over the learning rate, and the exchange rate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

from descend.doctor.assess.constant_predictor import predicts_constant
from descend.doctor.compare.choice import CURRENT
from descend.doctor.compare.ease import learning_rate_name
from descend.doctor.compare.relative_steps import relative_steps
from descend.doctor.compare.result import CompareResult, RankedChoice, TriedValues
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.result import mean_value
from descend.doctor.report.choice_values import current_values, value_text, values_text
from descend.doctor.report.choice_verdict import current_runs, ranked_choices
from descend.doctor.report.figure import Figure, Key, Panel, Trace, chart_label, level, log_axis, value_axis
from descend.doctor.report.formatting import count, number, one_line, percent
from descend.doctor.report.proof_figure import divergence_remark, seed_traces
from descend.doctor.report.run_curves import run_curves

OTHER_TONES = ("third", "fourth", "fifth", "cause")  # tones of the choices that are not recommended
MOST_DRAWN = 1 + len(OTHER_TONES)  # largest number of choices in a figure
HEIGHT = 320  # pixels
RING = "circle-open"  # the symbol of runs that were stopped early

Drawn = list[tuple[RankedChoice, str]]  # choices with their tones


@dataclass(frozen=True)
class _RatePoint:
    """One run of a search with its learning rate, and its cost at its end."""

    rate: float
    cost: float
    run: TriedValues


def choice_figures(result: CompareResult) -> list[Figure]:
    """Return the figures of a comparison for which there are data."""
    figures = (_metric_figure(result), _sensitivity_figure(result), _relative_steps_figure(result))
    return [figure for figure in figures if figure is not None]


def _drawn_choices(choices: Sequence[RankedChoice], result: CompareResult) -> Drawn:
    """Return the choices that are drawn, with their tones. The recommended choice has the tone of a fix."""
    others = iter(OTHER_TONES)
    best = result.winner or next(iter(choices), None)
    ordered = sorted(choices, key=lambda row: best is None or row.label != best.label)[:MOST_DRAWN]
    return [(row, "cure" if best is not None and row.label == best.label else next(others)) for row in ordered]


def _left_out_message(choices: Sequence[RankedChoice], drawn: Drawn) -> str:
    """Return how many choices are not drawn, as a sentence; "" if all are drawn."""
    more = len(choices) - len(drawn)
    return f" {count(more, 'more choice')} {'is' if more == 1 else 'are'} in the table only." if more > 0 else ""


def _metric_figure(result: CompareResult) -> Figure | None:
    """Return the figure of the metric over the steps, with all seeds of the current setting and of each choice."""
    choices, own = ranked_choices(result), current_runs(result)
    drawn = _drawn_choices(choices, result)
    runs = [(CURRENT, "ink", own), *((row.label, tone, row.result.after) for row, tone in drawn if row.result)]
    if result.metric is None:
        return None
    curves_of_runs = run_curves([group for _, _, group in runs], result.metric)
    named = [
        (label, tone, [curve for curve in curves if len(curve)])
        for (label, tone, _), curves in zip(runs, curves_of_runs.bundles)
    ]
    bundles = [bundle for bundle in named if bundle[2]]
    if not bundles:
        return None
    traces = [trace for label, tone, curves in bundles for trace in seed_traces(curves, tone, label)]
    keys = [Key(chart_label(label), tone) for label, tone, _ in bundles]
    remarks = [remark for label, _, curves in bundles for remark in divergence_remark(curves, chart_label(label))]
    final = mean_value(own) if curves_of_runs.is_metric else nan
    shapes, level_keys = level(final, "final value of the current setting:")
    axis, title = value_axis([final, *curves_of_runs.values]), curves_of_runs.title
    panel = Panel(title, tuple(traces), (*keys, *level_keys, *remarks), shapes=shapes, y=axis, height=HEIGHT)
    seeds = count(max(len(curves) for _, _, curves in bundles), "seed")
    caption = f"{title} over the optimizer steps: thin lines for each of {seeds}, thick lines for their mean."
    return Figure((panel,), caption + curves_of_runs.remark + _left_out_message(choices, drawn))


def _sensitivity_figure(result: CompareResult) -> Figure | None:
    """Return the figure of the cost at the end of each run of the search over its learning rate."""
    choices = [row for row in result.ranked if _rate_points(row, result.metric)]
    drawn = _drawn_choices(choices, result)
    if result.metric is None or not drawn:
        return None
    traces = [
        trace for row, tone in drawn for trace in _sensitivity_traces(_rate_points(row, result.metric), row, tone)
    ]
    costs = [cost for trace in traces for cost in trace["y"]]
    keys = [Key(chart_label(row.label), tone) for row, tone in drawn]
    has_rings = any(trace["marker"]["symbol"] == RING for trace in traces)
    keys += [Key("stopped early", "ink", "ring")] if has_rings else []
    keys += [remark for row, _ in drawn for remark in _failure_remark(row)]
    traces += [trace for row, tone in drawn for trace in _chosen_trace(row, tone, result.metric)]
    shapes, level_keys = level(_current_rate(result), "current setting:", vertical=True, form=value_text)
    panel = Panel(
        f"{one_line(result.metric.cost_name)} over the learning rate",
        tuple(traces),
        (*keys, *level_keys),
        x_title="learning rate",
        shapes=shapes,
        x={**_labelled_log_axis([rate for trace in traces for rate in trace["x"]]), "showgrid": True},
        y=_labelled_log_axis(costs) if min(costs) > 0 else {},
        height=HEIGHT,
    )
    return Figure((panel,), _sensitivity_caption(drawn) + _left_out_message(choices, drawn))


def _sensitivity_caption(drawn: Drawn) -> str:
    """Return the caption of the sensitivity figure, with the regret of each choice after half of its search."""
    text = (
        "The cost of each run of the search; lower is better. A wide range of low costs is easy to find. "
        "Large dots are the chosen learning rates."
    )
    known = [(row, percent(regret)) for row, _ in drawn if isfinite(regret := _regret_at_half(row))]
    regrets = [f"{regret} for {one_line(row.label)}" for row, regret in known if regret != percent(0)]
    if not regrets:
        return text
    return f"{text} With half as many runs, the lowest cost would have been higher by {', '.join(regrets)}."


def _regret_at_half(row: RankedChoice) -> float:
    """Return the relative excess of the best cost at half of a search over that of the whole; NaN if unknown."""
    regret = row.working.regret if row.working is not None else ()
    return regret[(len(regret) - 1) // 2] if regret else nan


def _rate_points(row: RankedChoice, metric: ComparedMetric | None) -> list[_RatePoint]:
    """Return the runs of a search that have a finite cost, in the order of their learning rates."""
    name = learning_rate_name(row.tuned.choice.dimensions) or ""
    known = [
        _RatePoint(run.values[name], _last_cost(run, metric), run) for run in row.tuned.tried if name in run.values
    ]
    return sorted((point for point in known if isfinite(point.cost)), key=lambda point: point.rate)


def _last_cost(run: TriedValues, metric: ComparedMetric | None) -> float:
    """Return the cost at the end of a run of the search, also of one that was stopped early."""
    if not run.is_stopped_early or metric is None:
        return run.cost
    return metric.logged.cost(run.value) if metric.logged else run.value


def _sensitivity_traces(points: Sequence[_RatePoint], row: RankedChoice, tone: str) -> list[Trace]:
    """Return the runs of a search to their end, and those that were stopped early, as Plotly traces.

    A line connects the former if only the learning rate was searched.
    """
    traces: list[Trace] = []
    for symbol in ("circle", RING):
        group = [point for point in points if point.run.is_stopped_early is (symbol == RING)]
        is_line = symbol != RING and len(row.tuned.choice.dimensions) == 1
        trace = {
            "type": "scatter",
            "mode": "lines+markers" if is_line else "markers",
            "x": [point.rate for point in group],
            "y": [point.cost for point in group],
            "name": chart_label(row.label),
            "line": {"color": tone, "width": 2},
            "marker": {"size": 8, "color": tone, "symbol": symbol},
            "hoverinfo": "text",
            "hovertext": [_run_message(row, point) for point in group],
        }
        traces += [trace] if group else []
    return traces


def _chosen_trace(row: RankedChoice, tone: str, metric: ComparedMetric) -> list[Trace]:
    """Return a large dot at the chosen learning rate as a Plotly trace; an empty list if it has no finite cost."""
    chosen = [point for point in _rate_points(row, metric) if point.run == row.tuned.best][:1]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [point.rate for point in chosen],
        "y": [point.cost for point in chosen],
        "marker": {"size": 15, "color": tone, "symbol": "circle"},
        "hoverinfo": "text",
        "hovertext": [f"chosen: {_run_message(row, point)}" for point in chosen],
    }
    return [trace] if chosen else []


def _current_rate(result: CompareResult) -> float:
    """Return the learning rate of the current setting; NaN if it is unknown."""
    names = (learning_rate_name(row.tuned.choice.dimensions) for row in result.ranked)
    return next((rate for name in names if name and (rate := current_values(result).get(name))), nan)


def _run_message(row: RankedChoice, point: _RatePoint) -> str:
    """Return the values and the cost of one run of a search as text."""
    run = point.run
    stopped = f", stopped early at step {number(run.steps)}" if run.is_stopped_early else ""
    return f"{chart_label(row.label)}, {values_text(run.values)}: cost {number(point.cost)}{stopped}"


def _failure_remark(row: RankedChoice) -> tuple[Key, ...]:
    """Return a legend entry with the learning rates of a search whose runs diverged or failed; empty without any."""
    name = learning_rate_name(row.tuned.choice.dimensions) or ""
    failed = (run for run in row.tuned.tried if not (isfinite(run.cost) or run.is_stopped_early))
    rates = sorted(run.values[name] for run in failed if name in run.values)
    if not rates:
        return ()
    where = value_text(rates[0]) if len(rates) == 1 else f"{value_text(rates[0])} to {value_text(rates[-1])}"
    runs = f"{count(len(rates), 'run')} without a finite cost"
    return (Key(f"{chart_label(row.label)}: {runs}, at learning rate {where}", "cause", "mark"),)


def _relative_steps_figure(result: CompareResult) -> Figure | None:
    """Return the figure of the steps that each choice needs for the values of the current setting, as a ratio."""
    metric, choices = result.metric, ranked_choices(result)
    if metric is None or predicts_constant(result.baseline):
        return None
    drawn = _drawn_choices(choices, result)
    traces = [
        _relative_steps_trace(row, tone, points, result)
        for row, tone in drawn
        if row.result is not None and (points := relative_steps(row.result.before, row.result.after, metric))
    ]
    if not traces:
        return None
    shapes, keys = level(1.0, "as many steps as the current setting:")
    panel = Panel(
        "Steps, relative to the current setting",
        tuple(traces),
        (*(Key(trace["name"], trace["line"]["color"]) for trace in traces), *keys),
        x_title=one_line(metric.name),
        shapes=shapes,
        x=value_axis([value for trace in traces for value in trace["x"]]),
        y=_labelled_log_axis([1.0, *(ratio for trace in traces for ratio in trace["y"])]),
        height=HEIGHT,
    )
    caption = (
        f"How many steps each choice needs to reach a value of {one_line(metric.name)}, divided by those of the "
        "current setting; below 1, the choice is faster. Median of all seeds; a curve ends where half of the seeds "
        "never reach the value."
    )
    return Figure((panel,), caption + _left_out_message(choices, drawn))


def _relative_steps_trace(
    row: RankedChoice, tone: str, points: Sequence[tuple[float, float]], result: CompareResult
) -> Trace:
    """Return the ratio of the steps over the values of the metric as a Plotly trace."""
    label, name = chart_label(row.label), one_line(result.metric.name) if result.metric else "metric"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [value for value, _ in points],
        "y": [ratio for _, ratio in points],
        "name": label,
        "line": {"color": tone, "width": 2},
        "marker": {"size": 4, "color": tone},
        "hoverinfo": "text",
        "hovertext": [f"{label}: {number(ratio)} times the steps to {name} {number(value)}" for value, ratio in points],
    }


def _labelled_log_axis(values: Sequence[float]) -> Mapping[str, Any]:
    """Return Plotly settings of a logarithmic axis whose labels are numbers as a user types them."""
    axis = log_axis(values)
    return {**axis, "ticktext": [value_text(value) for value in axis.get("tickvals", ())]}
