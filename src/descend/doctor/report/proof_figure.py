"""The figure of the proof: the evaluation metric with and without the remedy, for every seed."""

from collections.abc import Mapping, Sequence
from math import isfinite

from descend.doctor.assess.evaluation_metric import METRIC_NAMES
from descend.doctor.case import Case
from descend.doctor.record import Record, Series
from descend.doctor.remedies import JudgedOn
from descend.doctor.report.figure import Figure, Key, Panel, Trace, line, value_axis
from descend.doctor.report.formatting import count, interval, number, plain_name, sentence
from descend.doctor.trials.evaluation_metric import cost_curve
from descend.doctor.trials.trial import Trial, TrialRun
from descend.doctor.trials.verdicts import Verdict

LABELS = {
    **METRIC_NAMES,
    "squared_error": "squared error in original units",
    "evaluation_loss": "loss on the script's own held-out data",
}


def decisive_trial(case: Case) -> Trial | None:
    """Return the trial of the proved fix or, without one, the first trial that showed a gain; None without a gain."""
    winners = [
        trial for verdict in (Verdict.PROVED, Verdict.HELPS) for trial in case.trials if trial.verdict == verdict
    ]
    return case.fix or next(iter(winners), None)


def proof_figure(trial: Trial, trial_runs: Mapping[int, Record], baseline: Record | None = None) -> Figure | None:
    """Return a figure of the evaluation metric over the steps, with a curve for each run of a trial."""
    # The metric on batches from the whole run is known only at its end, so the metric on the fixed examples is drawn.
    judged_on: JudgedOn = "fixed" if trial.judged_on == "spread" else trial.judged_on
    baseline = baseline or next(
        (trial_runs[trial_run.run] for trial_run in trial.baseline if trial_run.run in trial_runs), None
    )
    before, after = (metric_curves(side, trial_runs, judged_on, baseline) for side in (trial.baseline, trial.treated))
    if not before and not after:
        return None
    traces = [*seed_traces(before, "cause", "unchanged script"), *seed_traces(after, "cure", "with the remedy")]
    axis = value_axis([value for series in (*before, *after) for value in series.values])
    if after:
        traces += _interval_mark(trial, max(series.steps[-1] for series in after), log="type" in axis)
    keys = [Key("unchanged script", "cause")] if before else []
    keys += [Key("with the remedy", "cure")] if after else []
    marks = divergence_remark(before, "unchanged script") + divergence_remark(after, "with the remedy")
    title = _metric_title(trial, trial_runs, judged_on, baseline)
    panel = Panel(title[:1].upper() + title[1:], tuple(traces), (*keys, *marks), y=axis, height=340)
    return Figure((panel,), _caption(trial, len(before), len(after)))


def metric_curves(
    trial_runs: Sequence[TrialRun],
    records: Mapping[int, Record],
    judged_on: JudgedOn = "fixed",
    baseline: Record | None = None,
) -> list[Series]:
    """Return the evaluation metric over the steps for each trial run in whose record it is known."""
    curves = [
        cost_curve(records[trial_run.run], judged_on, baseline)[1]
        for trial_run in trial_runs
        if trial_run.run in records
    ]
    return [curve for curve in curves if len(curve)]


def mean_curve(bundle: Sequence[Series]) -> Series:
    """Return the mean of several curves at their common steps. It is infinite or NaN if one of the values is."""
    if not bundle:
        return Series()
    steps = sorted(set(bundle[0].steps).intersection(*(series.steps for series in bundle)))
    by_step = [dict(series) for series in bundle]
    return Series(tuple(steps), tuple(sum(values[step] for values in by_step) / len(by_step) for step in steps))


def _metric_title(trial: Trial, trial_runs: Mapping[int, Record], judged_on: JudgedOn, baseline: Record | None) -> str:
    """Return the title of the chart, which is the name of the evaluation metric."""
    records = [
        trial_runs[trial_run.run] for trial_run in (*trial.baseline, *trial.treated) if trial_run.run in trial_runs
    ]
    what = next(what for record in records if (what := cost_curve(record, judged_on, baseline)[0]))
    special_names = {"median": "median squared error", "metric": what}
    if trial.floor and judged_on == "fixed":
        return f"excess over the attainable loss {number(trial.floor)}"
    return special_names.get(judged_on) or LABELS.get(what, plain_name(what))


def seed_traces(bundle: list[Series], tone: str, label: str) -> list[Trace]:
    """Return the Plotly traces of a thin line for the curve of each seed and a thick line for their mean."""
    thin_lines = [{**line(series, tone, label, width=1), "opacity": 0.35, "hoverinfo": "skip"} for series in bundle]
    for trace in thin_lines:
        trace.pop("hovertemplate")
    mean = mean_curve(bundle)
    return [*thin_lines, line(mean, tone, f"{label}, mean", width=3)] if len(mean) else thin_lines


def divergence_remark(bundle: list[Series], label: str) -> tuple[Key, ...]:
    """Return a legend entry with the number of curves that become infinite or NaN; an empty tuple if all are finite."""
    steps = [len(series.finite()) for series in bundle]
    broken = [series.steps[kept] for series, kept in zip(bundle, steps) if kept < len(series)]
    if not broken:
        return ()
    return (Key(f"{label}: {len(broken)} of {len(bundle)} diverge, from step {min(broken)}", "cause", "mark"),)


def _interval_mark(trial: Trial, step: int, *, log: bool) -> list[Trace]:
    """Return a Plotly trace of the 95 % confidence interval of the final metric; an empty list if it is unknown."""
    low, high = trial.interval
    if not all(isfinite(end) for end in (low, high, trial.after)) or (log and low <= 0):
        return []
    bar = {"symmetric": False, "array": [high - trial.after], "arrayminus": [trial.after - low]}
    look = {"color": "ink", "thickness": 1.5, "width": 7}
    point = {"type": "scatter", "mode": "markers", "x": [step], "y": [trial.after], "cliponaxis": False}
    hover = {"hoverinfo": "text", "hovertext": [f"95 % confidence interval of the mean {interval(low, high)}"]}
    return [{**point, **hover, "marker": {"size": 7, "color": "cure"}, "error_y": {**bar, **look}}]


def _caption(trial: Trial, before: int, after: int) -> str:
    """Return the caption of the figure, with the evaluation metric, the number of seeds and the confidence interval."""
    text = sentence(trial.metric) if trial.metric else "The evaluation metric over the steps."
    seeds = max(before, after)
    text += f" Thin lines show {count(seeds, 'seed')}, thick lines their means." if seeds > 1 else ""
    ends = interval(*trial.interval)
    bar = f" The vertical bar is the 95 % confidence interval of the mean with the remedy, {ends}."
    return text + (bar if ends else "")
