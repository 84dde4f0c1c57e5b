"""The verdict on a change of the script, as sentences for all formats of `descend prove`."""

from collections.abc import Sequence
from math import isfinite
from statistics import median

from descend.doctor.prove.judgement import ChangeVerdict
from descend.doctor.prove.result import ChangeResult, ComparedRun, ProveResult, mean_value
from descend.doctor.record import Record
from descend.doctor.record.exception_lines import exception_line
from descend.doctor.report.formatting import (
    NO_BREAK_SPACE,
    count,
    duration,
    interval,
    number,
    one_line,
    percent,
    relative_change,
)

LONGEST_LABEL, LONGEST_CAUSE = 100, 160  # largest numbers of characters of a label and of an error message

# verdicts on runs whose metric is unknown rather than infinite, because the changed script has not logged it
WITHOUT_METRIC = (ChangeVerdict.NOT_COMPARABLE, ChangeVerdict.FAILS)


def prove_verdict(result: ProveResult) -> str:
    """Return the verdicts on all changes as one sentence, or why there is no verdict."""
    if result.has_failed:
        return script_failure_message(result.baseline)
    if not result.changes:
        return "interrupted before the first run was over, so nothing was compared"
    text = "; ".join(change_message(change, result) for change in result.changes)
    return f"interrupted: {text}" if result.interruption else text


def script_failure_message(baseline: Record) -> str:
    """Return how the unchanged script failed: its exit status and the first line of its error."""
    ending = baseline.ending
    if ending is None:
        return "the unchanged script failed"
    cause = exception_line(ending.error)
    why = f": {one_line(cause, LONGEST_CAUSE)}" if cause else ""
    return f"the unchanged script failed with status {ending.status}{why}"


def change_message(change: ChangeResult, result: ProveResult) -> str:
    """Return the verdict on one change as a sentence, with the interval of the difference and the number of seeds."""
    label, difference = one_line(change.label, LONGEST_LABEL), difference_message(change, result)
    match change.verdict:
        case ChangeVerdict.HELPS | ChangeVerdict.HARMS:
            return f"{label} {change.verdict}: {difference}"
        case ChangeVerdict.EQUIVALENT:
            within = f"within the margin of {percent(result.margin)}"
            is_sure = change.difference[0] * change.difference[1] > 0  # whether 0 is outside the interval
            return f"{label} makes {'a small' if is_sure else 'no relevant'} difference: {difference}, {within}"
        case ChangeVerdict.UNDECIDED:
            return _undecided_message(change, result, label, difference)
        case ChangeVerdict.NO_EFFECT:
            return f"{label} has no effect on the training: {one_line(change.reason)}"
        case ChangeVerdict.FAILS:
            return f"{label} breaks the script: {one_line(change.reason, LONGEST_CAUSE)}"
        case ChangeVerdict.NOT_COMPARABLE:
            return f"{label} cannot be compared: {one_line(change.reason)}"


def _undecided_message(change: ChangeResult, result: ProveResult, label: str, difference: str) -> str:
    """Return what is known about an undecided change, and how many more seeds would probably decide."""
    if not difference:
        runs = f"only {count(len(change.seeds), 'pair')}" if change.seeds else "no pair"
        return f"undecided whether {label} helps: {runs} of runs could be compared, and at least two are needed"
    if change.is_no_worse:
        margin = f"the margin of {percent(result.margin)}"
        start = f"{label} is not worse by more than {margin}, but it is undecided whether it helps"
    else:
        start = f"undecided whether {label} helps"
    more = f"; about {count(change.more_seeds, 'more seed')} would decide" if change.more_seeds else ""
    return f"{start}: {difference}{more}{change.reason and f', but {change.reason}'}"


def difference_message(change: ChangeResult, result: ProveResult) -> str:
    """Return the relative difference of the costs as text; "" if it is unknown.

    For example: `1 − 'test accuracy' is down 31–52 % (95 % interval, 5 seeds)`. If a run diverged, it is the number of
    such runs instead, since their difference has no size.
    """
    text = decrease_text(change.difference)
    if not text or result.metric is None:
        return ""
    name = repr(result.metric.name) if result.metric.logged else result.metric.name
    for prefix, runs in (("", change.after), ("without it, ", change.before)):
        if diverged := sum(not isfinite(run.cost) for run in runs):
            return f"{prefix}{one_line(name)} is not finite with {diverged} of {count(len(runs), 'seed')}"
    return f"{one_line(result.metric.cost_name)} is {text} ({interval_message(change)})"


def decrease_text(difference: tuple[float, float]) -> str:
    """Return an interval of after/before − 1 in words, such as `down 31–52 %`; "" if it is unknown."""
    low, high = difference
    return relative_change((-high, -low))


def interval_message(change: ChangeResult) -> str:
    """Return what kind of interval the difference is, with the number of seeds: `95 % interval, 5 seeds`."""
    return f"95{NO_BREAK_SPACE}% interval, {count(len(change.seeds), 'seed')}"


def measured_rows(change: ChangeResult, result: ProveResult) -> list[tuple[str, str, str, str]]:
    """Return what was measured without and with a change, and the ratio: metric, steps, time of a step, and memory.

    The ratio is a 95 % interval; for the metric, the interval of the cost is in the verdict. The numbers of steps are
    left out if they are equal.
    """
    if not change.after or result.metric is None:
        return []
    before, after = change.before, change.after
    low, high = change.time_ratio
    # Runs that are bit-for-bit identical are ended after two seeds, which are too few for an interval of use.
    ratio = f"{interval(low, high)} times" if isfinite(low) and change.verdict != ChangeVerdict.NO_EFFECT else ""
    without_value = "unknown" if change.verdict in WITHOUT_METRIC else "not finite"
    steps = _steps_text(before), _steps_text(after)
    rows = [
        (one_line(result.metric.name), mean_text(before), mean_text(after, without_value), ""),
        *([("steps", *steps, "")] if steps[0] != steps[1] else []),
        ("time per step", step_time_text(before), step_time_text(after), ratio),
        ("memory", _memory_text(before), _memory_text(after), ""),
    ]
    return [row for row in rows if any(row[1:3])]


def mean_text(runs: Sequence[ComparedRun], without_value: str = "not finite") -> str:
    """Return the mean final metric of some runs as text; `without_value` if a run has no finite value."""
    value = mean_value(runs)
    return number(value) if isfinite(value) else without_value


def _steps_text(runs: Sequence[ComparedRun]) -> str:
    """Return the median number of steps of some runs as text."""
    return number(round(median(run.steps for run in runs)))


def step_time_text(runs: Sequence[ComparedRun]) -> str:
    """Return the median time per step of some runs as text; "" if no step was timed."""
    known = [run.step_s for run in runs if run.step_s > 0]
    return duration(median(known)) if known else ""


def _memory_text(runs: Sequence[ComparedRun]) -> str:
    """Return the largest memory of some runs in megabytes as text; "" if it is unknown."""
    known = [run.memory for run in runs if run.memory is not None]
    return f"{number(round(max(known) / 1e6))}{NO_BREAK_SPACE}MB" if known else ""


def runs_message(result: ProveResult) -> str:
    """Return how many runs were made, how many steps they had, and how long they took, as text."""
    return f"{count(result.runs, 'run')} of {count(result.baseline.steps, 'step')} in {duration(result.total_s)}"
