"""The verdict on a comparison of choices, as sentences for all formats of `descend compare`."""

from collections.abc import Sequence
from math import nan
from pathlib import Path

from descend.doctor.assess.symptom import Symptom
from descend.doctor.compare.result import CompareResult, CompareVerdict, RankedChoice
from descend.doctor.prove.judgement import ChangeVerdict
from descend.doctor.prove.result import ComparedRun
from descend.doctor.report.change_verdict import (
    LONGEST_CAUSE,
    LONGEST_LABEL,
    WITHOUT_METRIC,
    decrease_text,
    script_failure_message,
)
from descend.doctor.report.choice_gain import (
    failure_to_learn_message,
    gain_message,
    target_message,
    value_mean_text,
)
from descend.doctor.report.choice_values import (
    best_values,
    changed_values,
    choice_name,
    current_name,
    value_text,
)
from descend.doctor.report.formatting import count, duration, number, one_line, place, sentence
from descend.doctor.report.titles import heading_with_id

MOST_SENTENCES = 3  # of a verdict
MOST_NAMED = 3  # largest number of equally good choices that a verdict names
MOST_SUSPECTED = 3  # largest number of suspected problems that are listed
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


def winning_patch(result: CompareResult) -> str:
    """Return the patch of the recommended choice; "" if the current setting is kept."""
    return result.winner.result.patch if result.winner is not None and result.winner.result is not None else ""


def current_runs(result: CompareResult) -> tuple[ComparedRun, ...]:
    """Return the runs of the current setting on fresh seeds, one for each seed."""
    runs = {run.seed: run for row in result.ranked if row.result is not None for run in row.result.before}
    return tuple(runs[seed] for seed in sorted(runs))


def _verdict_text(result: CompareResult) -> str:
    """Return the verdict on the choices, without the remark that the command was interrupted."""
    best = result.winner or next(iter(ranked_choices(result)), None)
    if result.verdict == CompareVerdict.KEEP and best is None:
        return "keep the current setting: the search found no better one"
    if result.verdict == CompareVerdict.NOT_COMPARED or best is None:
        return _not_compared_message(result)
    gain, no_learning = gain_message(best, result), failure_to_learn_message(result)
    match result.verdict:
        case CompareVerdict.SWITCH:
            start = f"use {choice_name(best)} instead of {current_name(best, result)}: {gain}"
            sentences = [start, no_learning, _tuned_own_message(best, result), _alternatives_message(best, result)]
        case CompareVerdict.TUNE:
            sentences = [f"{_tuning_message(best, result)}: {gain}", no_learning, _alternatives_message(best, result)]
        case CompareVerdict.UNDECIDED:
            start = f"undecided: {_looks_best_message(best)}, {gain}"
            more = f"about {count(result.more_seeds, 'more seed')} would decide" if result.more_seeds else ""
            sentences = [start, more, _tuned_own_message(best, result)]
        case _:
            sentences = ["keep the current setting: no choice is clearly better", _closest_message(best, gain)]
    if result.winner is not None:
        sentences.append(target_message(best.target))
    return " ".join([sentence(text) for text in sentences if text][:MOST_SENTENCES]).rstrip(".")


def _tuning_message(best: RankedChoice, result: CompareResult) -> str:
    """Return which settings of the current optimizer change, such as `keep SGD, but change lr from 0.5 to 0.03`."""
    if changes := changed_values(best, result):
        return f"keep {one_line(best.label, LONGEST_LABEL)}, but change {changes}"
    return f"keep the current optimizer, but tune it: {choice_name(best)}"


def _closest_message(best: RankedChoice, gain: str) -> str:
    """Return how good the best choice is if the current setting is kept."""
    change = best.result
    if change is None or change.verdict != ChangeVerdict.EQUIVALENT:
        return f"{choice_name(best)} is not clearly different: {gain}"
    if change.difference[1] < 0:
        return f"{choice_name(best)} is better, but by less than the margin: {gain}"
    return f"{choice_name(best)} is about as good: {gain}"


def _looks_best_message(best: RankedChoice) -> str:
    """Return whether the best choice or the current setting looks best, by the middle of the interval of costs."""
    low, high = best.result.difference if best.result is not None else (nan, nan)
    if (1 + low) * (1 + high) >= 1:
        return f"the current setting looks best, but {choice_name(best)} may be better"
    return f"{choice_name(best)} looks best"


def _tuned_own_message(best: RankedChoice, result: CompareResult) -> str:
    """Return the gain of the best choice over the script's own optimizer with tuned settings, as a sentence."""
    own = result.tuned_own
    if best.tuned.choice.keeps_optimizer:
        return ""
    if own is None or own.result is None:
        return "the current optimizer could not be tuned, so part of the gain may come from tuning alone"
    if own.result.verdict == ChangeVerdict.NO_EFFECT:
        return "the search found no better values for the current optimizer"
    reached = f"tuning alone reaches {value_mean_text(own.result.after)} with {choice_name(own)}"
    decrease = decrease_text(best.against_tuned)
    if not decrease or result.metric is None:
        return reached
    return f"{reached}; compared with that, {one_line(result.metric.cost_name)} is {decrease}"


def _alternatives_message(best: RankedChoice, result: CompareResult) -> str:
    """Return which other choices are about as good as the recommended one, and which are not clearly different."""
    names = {"about as good": set(best.equivalent), "not clearly different": set(best.ties) - set(best.equivalent)}
    listed = [
        f"{_join_with_and([one_line(label, LONGEST_LABEL) for label in best.ties if label in tied])} "
        f"{'is' if len(tied) == 1 else 'are'} {text}"
        for text, tied in names.items()
        if tied
    ]
    if listed:
        return ", and ".join(listed)
    return "all other choices are clearly worse" if len(ranked_choices(result)) > 1 else ""


def _join_with_and(names: Sequence[str]) -> str:
    """Return the first names as text, such as `SGD, AdamW and Lion`, with the number of the others."""
    shown = [*names[:MOST_NAMED], *([f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else [])]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _not_compared_message(result: CompareResult) -> str:
    """Return why nothing was compared."""
    if result.faults:
        number_of_faults = len(result.faults)
        problems = "a problem of the script has" if number_of_faults == 1 else f"{number_of_faults} problems have"
        listed = "; ".join(f"{heading_with_id(fault)}{_at_place(fault, result)}" for fault in result.faults)
        return f"not compared, because {problems} to be fixed first: {listed}. Fix it with descend doctor, or {ANYWAY}"
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


def suspicion_messages(result: CompareResult) -> list[str]:
    """Return the first suspected problems, one line each."""
    shown = result.suspected[:MOST_SUSPECTED]
    return [f"{sentence(heading_with_id(symptom)).rstrip('.')}{_at_place(symptom, result)}" for symptom in shown]


def suspicion_hint(result: CompareResult) -> str:
    """Return how many more problems are suspected, and how the user finds out whether they are real; "" without any."""
    if not result.suspected:
        return ""
    more = len(result.suspected) - MOST_SUSPECTED
    also = f"{count(more, 'more problem')} {'is' if more == 1 else 'are'} suspected; " if more > 0 else ""
    which = "it is" if len(result.suspected) == 1 else "they are"
    return f"{also}to find out whether {which} real, run descend doctor {one_line(result.baseline.script)}"


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
