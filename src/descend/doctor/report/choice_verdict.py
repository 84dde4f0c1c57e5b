"""The verdict on a comparison of choices, as sentences for all formats of `descend compare`."""

from collections.abc import Mapping, Sequence
from math import isfinite, isnan
from pathlib import Path
from statistics import median

from descend.doctor.assess.symptom import Symptom
from descend.doctor.compare.choice import Values
from descend.doctor.compare.result import CompareResult, CompareVerdict, RankedChoice, StepsToTarget
from descend.doctor.prove.judgement import ChangeVerdict
from descend.doctor.prove.result import ComparedRun
from descend.doctor.record import facts
from descend.doctor.report.change_verdict import (
    LONGEST_CAUSE,
    LONGEST_LABEL,
    WITHOUT_METRIC,
    decrease_text,
    interval_message,
    mean_text,
    script_failure_message,
)
from descend.doctor.report.formatting import count, duration, interval, number, one_line, place, sentence
from descend.doctor.report.titles import heading_with_id

RESUME = "the same command continues the comparison"
ANYWAY = "use --anyway to compare nevertheless"


def compare_verdict(result: CompareResult) -> str:
    """Return the verdict in one or a few short sentences, or why there is no verdict."""
    if result.has_failed:
        return script_failure_message(result.baseline)
    if result.interruption and not ranked_choices(result):
        return f"interrupted before any choice was run on fresh seeds; {RESUME}"
    text = _verdict_text(result)
    return f"interrupted: {text}. {sentence(RESUME)}".rstrip(".") if result.interruption else text


def ranked_choices(result: CompareResult) -> list[RankedChoice]:
    """Return the choices that were compared on fresh seeds, the best one first."""
    return [row for row in result.ranked if not unranked_reason(row)]


def unranked_choices(result: CompareResult) -> list[tuple[str, str]]:
    """Return the label of each choice that has no rank, and the reason."""
    return [(one_line(row.label, LONGEST_LABEL), reason) for row in result.ranked if (reason := unranked_reason(row))]


def unranked_reason(row: RankedChoice) -> str:
    """Return why a choice has no rank, for example because it cannot be tried or equals the current setting; or ""."""
    change = row.result
    if change is not None:
        is_unranked = change.verdict in (*WITHOUT_METRIC, ChangeVerdict.NO_EFFECT)
        return one_line(change.reason, LONGEST_CAUSE) or "it fails" if is_unranked else ""
    tried = next((run.reason for run in row.tuned.tried if run.reason), "")
    return one_line(row.tuned.reason or tried, LONGEST_CAUSE) or "it was not run on fresh seeds"


def _verdict_text(result: CompareResult) -> str:
    """Return the verdict on the choices, without the remark that the command was interrupted."""
    best = result.winner or next(iter(ranked_choices(result)), None)
    if result.verdict == CompareVerdict.KEEP and best is None:
        return "keep the current setting: the search found no better one"
    if result.verdict == CompareVerdict.NOT_COMPARED or best is None:
        return _not_compared_message(result)
    match result.verdict:
        case CompareVerdict.SWITCH:
            start = f"use {choice_name(best)}: {gain_message(best, result)}"
            sentences = [start, target_message(best.target), _tuned_own_message(best, result), _ties_message(best)]
        case CompareVerdict.TUNE:
            start = f"tune the current optimizer: {choice_name(best, current_values(result))}. "
            no_other = _ties_message(best) or "no other choice is clearly better"
            sentences = [start + gain_message(best, result), target_message(best.target), no_other]
        case CompareVerdict.UNDECIDED:
            more = f"; about {count(result.more_seeds, 'more seed')} would decide" if result.more_seeds else ""
            known = gain_message(best, result)
            sentences = [f"undecided: {choice_name(best)} looks best, {known}{more}", _tuned_own_message(best, result)]
        case _:
            closest = f"the best other choice is {choice_name(best)}: {gain_message(best, result)}"
            sentences = ["keep the current setting: no choice is clearly better", closest]
    return " ".join(sentence(text) for text in sentences if text).rstrip(".")


def choice_name(choice: RankedChoice, current: Mapping[str, float] | None = None) -> str:
    """Return a choice with its best values, such as `AdamW with lr 0.003`. current: the values of the unchanged script.

    With the current values, the change of each is named: `SGD with lr 0.1 → 0.03`.
    """
    label = one_line(choice.label, LONGEST_LABEL)
    values = values_text(best_values(choice), current)
    joint = ", " if ", " in label else " and " if " with " in label else " with "
    return f"{label}{joint}{values}" if values else label


def best_values(choice: RankedChoice) -> Values:
    """Return the best values of the searched settings of a choice; no values if nothing was searched or found."""
    return choice.tuned.best.values if choice.tuned.best is not None else {}


def values_text(values: Values, current: Mapping[str, float] | None = None) -> str:
    """Return the values of settings as text, such as `lr 0.003, momentum 0.9`, with their `current` values if known."""
    before = {name: f"{value_text((current or {})[name])} → " for name in values if name in (current or {})}
    return one_line(", ".join(f"{name} {before.get(name, '')}{value_text(values[name])}" for name in values))


def value_text(value: float) -> str:
    """Return the value of a setting as a user types it, such as `0.003` or `3e-05`."""
    return f"{value:.3g}" if abs(value) < 1000 or value != round(value) else f"{value:.0f}"


def current_values(result: CompareResult) -> dict[str, float]:
    """Return the values of the current setting by the names that searched settings have, as far as they are known."""
    optimizer = result.baseline.fact(facts.Optimizer, "0")
    names = {dimension.name for row in result.ranked for dimension in row.tuned.choice.dimensions}
    found = {name: getattr(optimizer, name.rpartition(".")[2], None) for name in sorted(names)}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def winning_patch(result: CompareResult) -> str:
    """Return the patch of the recommended choice; "" if the current setting is kept."""
    return result.winner.result.patch if result.winner is not None and result.winner.result is not None else ""


def current_runs(result: CompareResult) -> tuple[ComparedRun, ...]:
    """Return the runs of the current setting on fresh seeds, one for each seed."""
    runs = {run.seed: run for row in result.ranked if row.result is not None for run in row.result.before}
    return tuple(runs[seed] for seed in sorted(runs))


def gain_message(choice: RankedChoice, result: CompareResult) -> str:
    """Return the metric without and with a choice and the interval of the difference.

    For example: `'test accuracy' 0.91 → 0.96; 1 − 'test accuracy' is down 40–60 % (95 % interval, 5 seeds)`.
    """
    change, metric = choice.result, result.metric
    if change is None or metric is None or not change.after:
        return "it was not run on fresh seeds"
    values = f"{_quoted_metric(result)} {mean_text(change.before)} → {mean_text(change.after)}"
    decrease = decrease_text(change.difference)
    if not decrease:
        return f"{values} ({count(len(change.seeds), 'seed')})"
    cost = one_line(metric.cost_name)
    between = ", " if cost == _quoted_metric(result) else f"; {cost} is "
    return f"{values}{between}{decrease} ({interval_message(change)})"


def _quoted_metric(result: CompareResult) -> str:
    """Return the name of the metric, in quotes if the script logs it."""
    name = one_line(result.metric.name) if result.metric else ""
    return repr(name) if result.metric and result.metric.logged else name


def target_message(target: StepsToTarget | None) -> str:
    """Return how soon a choice reaches the current setting's final value, as a sentence; "" if that is unknown."""
    if target is None:
        return ""
    text = target_text(target)
    if not target.ratios:
        return "it never reaches the current setting's final value" if text else ""
    missed = f"; {count(target.missed, 'seed')} of {len(target.ratios) + target.missed} never" if target.missed else ""
    return f"it reaches the current setting's final value in {text} times the steps{missed}"


def target_text(target: StepsToTarget) -> str:
    """Return the steps to the current setting's final value as a multiple of its steps, such as `0.3 to 0.5`."""
    if not target.ratios:
        return "never" if target.missed else ""
    low, high = target.interval
    if isnan(low):
        return f"about {number(median(target.ratios))}"
    if not isfinite(high):
        return f"at least {number(low)}"
    return " to ".join(dict.fromkeys(interval(low, high).split(" to ")))


def _tuned_own_message(best: RankedChoice, result: CompareResult) -> str:
    """Return the gain of the best choice over the script's own optimizer with tuned settings, as a sentence."""
    own = result.tuned_own
    if best.tuned.choice.keeps_optimizer:
        return ""
    if own is None or own.result is None:
        return "the script's own optimizer could not be tuned, so part of the gain may come from tuning alone"
    if own.result.verdict == ChangeVerdict.NO_EFFECT:
        return "the search found no better values for the current optimizer"
    reached = f"{choice_name(own)} ({_quoted_metric(result)} {mean_text(own.result.after)})"
    decrease = decrease_text(best.against_tuned)
    if not decrease or result.metric is None:
        return f"for comparison, the current optimizer tuned: {reached}"
    return f"compared with the current optimizer tuned, {reached}, {one_line(result.metric.cost_name)} is {decrease}"


def _ties_message(best: RankedChoice) -> str:
    """Return which choices are neither clearly better nor clearly worse than the best one; "" without such choices."""
    if not best.ties:
        return ""
    names = _join_with_and([one_line(label, LONGEST_LABEL) for label in best.ties])
    return f"{names} {'is' if len(best.ties) == 1 else 'are'} neither clearly better nor clearly worse"


def _join_with_and(names: Sequence[str]) -> str:
    """Return names as text, such as `SGD, AdamW and Lion`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _not_compared_message(result: CompareResult) -> str:
    """Return why nothing was compared."""
    if result.faults:
        problems = count(len(result.faults), "certain problem")
        listed = "; ".join(f"{heading_with_id(fault)}{_at_place(fault, result)}" for fault in result.faults)
        return f"not compared, because the script has {problems}: {listed}. Fix it with descend doctor, or {ANYWAY}"
    reasons = unranked_choices(result)
    if result.ended_because or not reasons:
        why = one_line(result.ended_because) or "there was no choice to compare"
        return f"nothing was compared: {why}"
    label, reason = reasons[0]
    return f"nothing was compared, because no choice could be run to its end; {label}: {reason}"


def remarks(result: CompareResult) -> list[str]:
    """Return further remarks: which best values are at the edge of those that were tried, and the result's notes."""
    at_edge = [
        f"the best {name} of {one_line(row.label, LONGEST_LABEL)}, {value_text(best_values(row)[name])}, "
        "is at the edge of the values that were tried, so a better one may be beyond it"
        for row in ranked_choices(result)
        for name in row.tuned.at_edge
        if name in best_values(row)
    ]
    return [*at_edge, *result.notes]


def fault_message(symptom: Symptom, result: CompareResult) -> str:
    """Return a problem of the script in the doctor's words: title, id, source location and evidence."""
    title = f"{sentence(heading_with_id(symptom)).rstrip('.')}{_at_place(symptom, result)}"
    return f"{title}: {one_line(symptom.sentence)}"


def _at_place(symptom: Symptom, result: CompareResult) -> str:
    """Return the source location of a problem in brackets, such as ` (train.py:12)`; "" if it is unknown."""
    root = Path(result.baseline.root) if result.baseline.root else Path.cwd()
    where = place(symptom.where, symptom.module, root)
    return f" ({where})" if where else ""


def work_message(result: CompareResult) -> str:
    """Return how many runs were made, how long the search was and how long all took, as text."""
    done, length = f"{count(result.runs, 'run')} in {duration(result.total_s)}", result.baseline.steps
    if not (result.tuning_steps and length):
        return done
    runs = f"{number(result.tuning_steps / length)} runs of the script"
    return f"{done}; at most {count(result.tuning_steps, 'step')} ({runs}) to tune each choice"
