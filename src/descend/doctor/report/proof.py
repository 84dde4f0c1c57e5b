"""The proof as a picture: the yardstick's curves with and without the remedy, under every seed."""

from collections.abc import Mapping, Sequence
from math import isfinite

from descend.doctor.case import Case
from descend.doctor.course.yardstick import IN_WORDS
from descend.doctor.record import Record, Series
from descend.doctor.remedies import JudgedOn
from descend.doctor.report.figure import Figure, Key, Panel, Trace, line, value_axis
from descend.doctor.report.wording import count, interval, number, plain_name, sentence
from descend.doctor.trials.trial import Trial, TrialRun
from descend.doctor.trials.yardsticks import judged_curve

LABELS = {
    **IN_WORDS,
    "squared_error": "squared error in original units",
    "evaluation_loss": "loss on the script's own held-out data",
}


def decisive_trial(case: Case) -> Trial | None:
    """Return the trial that the proof is about: the cure, else the first that won, else none."""
    winners = [trial for verdict in ("proved", "helps") for trial in case.trials if trial.verdict == verdict]
    return case.cure or next(iter(winners), None)


def proof_picture(trial: Trial, trial_runs: Mapping[int, Record], baseline: Record | None = None) -> Figure | None:
    """Return the yardstick over the steps: seeds thin, their mean thick; None without any curve."""
    # What is judged on batches from all over the run is known at the end alone: the curve is the fixed examples'.
    judged_on: JudgedOn = "fixed" if trial.judged_on == "spread" else trial.judged_on
    baseline = baseline or next(
        (trial_runs[trial_run.run] for trial_run in trial.baseline if trial_run.run in trial_runs), None
    )
    before, after = (curves(side, trial_runs, judged_on, baseline) for side in (trial.baseline, trial.treated))
    if not before and not after:
        return None
    traces = [*_bundle(before, "cause", "as it is"), *_bundle(after, "cure", "with the remedy")]
    axis = value_axis([value for series in (*before, *after) for value in series.values])
    if after:
        traces += _whisker(trial, max(series.steps[-1] for series in after), log="type" in axis)
    keys = [Key("as it is", "cause")] if before else []
    keys += [Key("with the remedy", "cure")] if after else []
    marks = _broken(before, "as it is") + _broken(after, "with the remedy")
    title = _title(trial, trial_runs, judged_on, baseline)
    panel = Panel(title[:1].upper() + title[1:], tuple(traces), (*keys, *marks), y=axis, height=340)
    return Figure((panel,), _caption(trial, len(before), len(after)))


def curves(
    trial_runs: Sequence[TrialRun],
    records: Mapping[int, Record],
    judged_on: JudgedOn = "fixed",
    baseline: Record | None = None,
) -> list[Series]:
    """Return the curve that every trial run is judged by, where its record is at hand and holds one."""
    known = [
        judged_curve(records[trial_run.run], judged_on, baseline)[1]
        for trial_run in trial_runs
        if trial_run.run in records
    ]
    return [curve for curve in known if len(curve)]


def mean_curve(bundle: Sequence[Series]) -> Series:
    """Return the mean over all curves at the steps that all of them reached; NaN where any is not finite."""
    if not bundle:
        return Series()
    steps = sorted(set(bundle[0].steps).intersection(*(series.steps for series in bundle)))
    by_step = [dict(series) for series in bundle]
    return Series(tuple(steps), tuple(sum(values[step] for values in by_step) / len(by_step) for step in steps))


def _title(trial: Trial, trial_runs: Mapping[int, Record], judged_on: JudgedOn, baseline: Record | None) -> str:
    known = [
        trial_runs[trial_run.run] for trial_run in (*trial.baseline, *trial.treated) if trial_run.run in trial_runs
    ]
    what = next(what for record in known if (what := judged_curve(record, judged_on, baseline)[0]))
    known_as = {"median": "median squared error", "metric": what}
    if trial.floor and judged_on == "fixed":
        return f"excess over the attainable loss {number(trial.floor)}"
    return known_as.get(judged_on) or LABELS.get(what, plain_name(what))


def _bundle(bundle: list[Series], tone: str, label: str) -> list[Trace]:
    thin_lines = [{**line(series, tone, label, width=1), "opacity": 0.35, "hoverinfo": "skip"} for series in bundle]
    for trace in thin_lines:
        trace.pop("hovertemplate")
    mean = mean_curve(bundle)
    return [*thin_lines, line(mean, tone, f"{label}, mean", width=3)] if len(mean) else thin_lines


def _broken(bundle: list[Series], label: str) -> tuple[Key, ...]:
    steps = [len(series.finite()) for series in bundle]
    broken = [series.steps[kept] for series, kept in zip(bundle, steps) if kept < len(series)]
    if not broken:
        return ()
    return (Key(f"{label}: {len(broken)} of {len(bundle)} diverge, from step {min(broken)}", "cause", "mark"),)


def _whisker(trial: Trial, step: int, *, log: bool) -> list[Trace]:
    low, high = trial.interval
    if not all(isfinite(end) for end in (low, high, trial.after)) or (log and low <= 0):
        return []
    bar = {"symmetric": False, "array": [high - trial.after], "arrayminus": [trial.after - low]}
    look = {"color": "ink", "thickness": 1.5, "width": 7}
    point = {"type": "scatter", "mode": "markers", "x": [step], "y": [trial.after], "cliponaxis": False}
    hover = {"hoverinfo": "text", "hovertext": [f"95 % interval of the mean {interval(low, high)}"]}
    return [{**point, **hover, "marker": {"size": 7, "color": "cure"}, "error_y": {**bar, **look}}]


def _caption(trial: Trial, before: int, after: int) -> str:
    text = sentence(trial.metric) if trial.metric else "The yardstick over the steps."
    seeds = max(before, after)
    text += f" {count(seeds, 'seed')}: thin lines; their mean: thick." if seeds > 1 else ""
    ends = interval(*trial.interval)
    return text + (f" The whisker is the 95 % interval of the treated mean, {ends}." if ends else "")
