"""The proof as a picture: the yardstick's curves with and without the remedy, under every seed."""

from collections.abc import Mapping, Sequence
from math import isfinite

from descend.case import Case
from descend.record import Record, Series
from descend.report.figure import Figure, Key, Panel, Trace, line, value_axis
from descend.report.wording import count, interval, plain_name, sentence
from descend.trials.trial import Arm, Trial

LABELS = {
    "negative_log_likelihood": "negative log-likelihood",
    "squared_error": "squared error in original units",
    "loss": "the script's own loss",
    "evaluation_loss": "loss on the script's own held-out data",
    "median_error": "median squared error",
}
# What is judged on batches from all over the run is known at the end alone: its curve is that of the fixed examples.
SERIES = {"held_out": "evaluation_loss", "median": "median_error", "training": "loss"}


def decisive_trial(case: Case) -> Trial | None:
    """Return the trial that the proof is about: the cure, else the first that won, else none."""
    winners = [trial for verdict in ("proved", "helps") for trial in case.trials if trial.verdict == verdict]
    return case.cure or next(iter(winners), None)


def proof_picture(trial: Trial, arms: Mapping[int, Record]) -> Figure | None:
    """Return the yardstick over the steps: seeds thin, their mean thick; None without any curve."""
    name = SERIES.get(trial.judged_on, "yardstick")
    before, after = curves(trial.baseline, arms, name), curves(trial.treated, arms, name)
    if not before and not after:
        return None
    traces = [*_bundle(before, "cause", "as it is"), *_bundle(after, "cure", "with the remedy")]
    axis = value_axis([value for series in (*before, *after) for value in series.values])
    if after:
        traces += _whisker(trial, max(series.steps[-1] for series in after), log="type" in axis)
    keys = [Key("as it is", "cause")] if before else []
    keys += [Key("with the remedy", "cure")] if after else []
    marks = _broken(before, "as it is") + _broken(after, "with the remedy")
    place = next(place for arm in (*trial.baseline, *trial.treated) for place in _places(arm, arms, name))
    title = LABELS.get(place if name == "yardstick" else name, plain_name(place))
    panel = Panel(title[:1].upper() + title[1:], tuple(traces), (*keys, *marks), y=axis, height=340)
    return Figure((panel,), _caption(trial, len(before), len(after)))


def curves(arms: Sequence[Arm], records: Mapping[int, Record], name: str = "yardstick") -> list[Series]:
    """Return that curve of every arm whose record is at hand and holds one."""
    return [records[arm.run].series(name, place) for arm in arms for place in _places(arm, records, name)[:1]]


def mean_curve(bundle: Sequence[Series]) -> Series:
    """Return the mean over all curves at the steps that all of them reached; NaN where any is not finite."""
    if not bundle:
        return Series()
    steps = sorted(set(bundle[0].steps).intersection(*(series.steps for series in bundle)))
    by_step = [dict(series) for series in bundle]
    return Series(tuple(steps), tuple(sum(values[step] for values in by_step) / len(by_step) for step in steps))


def _places(arm: Arm, records: Mapping[int, Record], name: str) -> list[str]:
    if arm.run not in records:
        return []
    record = records[arm.run]
    return [place for place in record.places(name) if len(record.series(name, place))]


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
