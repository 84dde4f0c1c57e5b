"""The verdict of a case in one sentence, and its headline."""

from descend.doctor.assess.constant_prediction import constant_cost, constant_message
from descend.doctor.assess.evaluation_metric import METRIC_NAMES, attainable_loss, evaluation_metric
from descend.doctor.assess.logged_metric import main_metric
from descend.doctor.assess.summary import summarise
from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case, CaseStatus
from descend.doctor.record import Ending, Record
from descend.doctor.record.exception_lines import exception_line
from descend.doctor.report.causes import causes, unfixed_problems
from descend.doctor.report.formatting import count, join_names, number, one_line, sentence, steps_taken
from descend.doctor.report.left_out import untested_suspicions_message
from descend.doctor.report.observed_steps import CUT_OFF, ending_reason
from descend.doctor.report.partial_runs import is_partial, judged_part_message, observed_step_count
from descend.doctor.report.titles import heading, title_with_id
from descend.doctor.script.run_names import EndReason, Role
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.verdicts import Verdict

LONGEST_LABEL, LONGEST_CAUSE = 60, 160  # largest numbers of characters of a label and of an error message
LONGEST_IDS = 30  # largest number of characters of the ids of problems that a fix does not fix
HEADLINES = {
    "loss_still_falls": "Undecided: the loss is still falling",
    "learning_rate_still_rises": "Undecided: the learning rate is still rising",
    "steps_too_long": "Undecided: the learning rate may be too large",
    "settings_not_varied": "Undecided: no optimizer setting could be varied",
    "too_few_steps": "Undecided: too few steps",
    "not_replayed": "Undecided: few measurements were possible",
    "stages_not_examined": "Undecided: not every training stage was examined",
}


def is_clean(case: Case) -> bool:
    """Return whether no problem was found and the whole run could be judged."""
    return case.status == CaseStatus.HEALTHY and can_be_judged(case) and not is_partial(case.record)


def _findings_message(case: Case) -> str:
    """Return the number of problems found and, if any, of observations without a known cause, as text."""
    observation_count = sum(finding.is_observation for finding in causes(case))
    problem_count = len(causes(case)) - observation_count
    parts = [count(problem_count, "problem")] if problem_count else []
    return " and ".join(
        [*parts, count(observation_count, "observation without a known cause", "observations without a known cause")]
        if observation_count
        else parts
    )


def headline(case: Case) -> str:
    """Return the verdict on the run in a few words, as the heading of the HTML report."""
    if case.status == CaseStatus.SCRIPT_FAILED:
        return "The script failed"
    if case.findings:
        return sentence(heading(case.findings[0])).rstrip(".")
    if not can_be_judged(case):
        return "The run could not be judged"
    if case.proof.interrupted:
        return "Interrupted before the checks were complete"
    if case.undecided_suspicions:
        return "Undecided: a suspected problem is neither confirmed nor ruled out"
    if case.has_learned_nothing:
        return "The run has learned little or nothing, and no known problem explains it"
    if case.reservations:
        return HEADLINES[case.reservations[0].kind]
    if is_partial(case.record):
        return "No problem found in what could be judged"
    return "No problem found" if has_known_targets(case) else "No problem found, but the targets are not known"


def verdict(case: Case) -> str:
    """Return the verdict on the run as one sentence. If the user interrupted descend, the sentence says so."""
    text = _main_verdict(case)
    return f"interrupted: {text}" if case.proof.interrupted and "interrupt" not in text else text


def _main_verdict(case: Case) -> str:
    """Return the verdict on the run as one sentence: the failure, the findings, or why there is no finding."""
    if case.status == CaseStatus.SCRIPT_FAILED:
        findings_text = f"; {_findings_message(case)} before that, {_remedy_message(case)}" if case.findings else ""
        return failure_message(case) + findings_text
    if case.findings:
        return f"{_findings_message(case)}, {_remedy_message(case)}"
    if not can_be_judged(case):
        return f"the script {case.shortfall}" if case.shortfall else _unjudged_message(case.record)
    if case.undecided_suspicions:
        return _undecided_message(case)
    if case.proof.interrupted:
        return _interrupted_message(case)
    if case.has_learned_nothing:
        return f"undecided: {_nothing_learned_message(case)}"
    if case.reservations:
        return f"undecided: {case.reservations[0].sentence}"
    return _no_problem_message(case)


def _no_problem_message(case: Case) -> str:
    """Return a sentence which says that no problem was found, in how many steps, and what could not be judged."""
    steps = f"{count(observed_step_count(case.record), 'step')} observed"
    left_out = f"; not checked: {', '.join(sorted(case.left_out))}" if case.left_out else ""
    left_out += untested_suspicions_message(case)
    if is_partial(case.record):
        return f"no problem found in {judged_part_message(case.record, steps)}{left_out}"
    if not has_known_targets(case):
        unknown = "the loss gets no recognisable targets, so descend could not judge how well the outputs match them"
        return f"no problem found in the {steps}, but {unknown}{left_out}"
    return f"no problem found in the {steps}{left_out}"


def _interrupted_message(case: Case) -> str:
    """Return a sentence which says that no problem was found before descend or the recording was interrupted."""
    steps = count(observed_step_count(case.record), "step")
    if ending_reason(case) == EndReason.INTERRUPTED:
        return f"interrupted after {steps}: no problem found so far, but the checks are not complete"
    if ending_reason(case) == CUT_OFF:
        return f"the record ends after {steps}: no problem found so far, but the checks are not complete"
    return f"interrupted: {_trials_so_far_message(case)}"


def can_be_judged(case: Case) -> bool:
    """Return whether the run can be judged: it made enough steps and did not fail."""
    return (
        case.record.steps > 0
        and not case.shortfall
        and ending_reason(case) in ("finished", "window", "interrupted", CUT_OFF)
    )


def has_known_targets(case: Case) -> bool:
    """Return whether the targets were recognised among the arguments of the loss function."""
    return evaluation_metric(case.record) != "loss"


def trials_message(case: Case) -> str:
    """Return how many remedies were tried, and how many of them were proved: `5 remedies tried, 1 proved`."""
    ran = [trial for trial in case.trials if trial.was_judged]
    proved = sum(trial.verdict in (Verdict.PROVED, Verdict.TRAIN_LONGER) for trial in ran)
    suggested = sum(trial.verdict == Verdict.SUGGESTED for trial in ran)
    text = f"{count(len(ran), 'remedy', 'remedies')} tried, {number(proved)} proved"
    return f"{text}, {number(suggested)} suggested" if suggested else text


def change_message(trial: Trial) -> str:
    """Return the metric's change in a trial: `negative log-likelihood 2.301 → 0.0831`, or `2.301 (unchanged)`."""
    name = f"excess over the attainable loss {number(trial.floor)}:" if trial.floor else trial.quantity
    is_same = number(trial.before) == number(trial.after)
    return f"{name} {f'{number(trial.after)} (unchanged)' if is_same else before_and_after(trial)}".strip()


def before_and_after(trial: Trial) -> str:
    """Return the evaluation metric without and with the remedy: `2.301 → 0.0831`."""
    return f"{number(trial.before)} → {number(trial.after)}"


def refutation_message(symptom: Symptom, trial: Trial) -> str:
    """Return a sentence which says that a finding was withdrawn because its remedies make the run clearly worse."""
    seeds = count(len(trial.seeds), "seed")
    label = one_line(trial.label, LONGEST_LABEL)
    result = f"{label}: {change_message(trial)} on {seeds}"
    return f"{title_with_id(symptom.id)}: its remedies make the run clearly worse ({result})"


def _undecided_message(case: Case) -> str:
    """Return a sentence with the number of undecided suspected problems and the reason why they are undecided."""
    suspicions = count(len(case.undecided_suspicions), "suspected problem")
    it = "it" if len(case.undecided_suspicions) == 1 else "them"
    if case.record.role == Role.WATCH:
        return f"{suspicions}; descend doctor can test {it}, but descend watch runs no trials"
    if case.proof.interrupted:
        return f"interrupted, with {suspicions} undecided: {_trials_so_far_message(case)}"
    if case.proof.limit == "quick":
        return f"undecided: {suspicions}; trials can confirm {it} or rule {it} out, but --quick runs none"
    if case.proof.limit == "budget":
        return f"the time of --budget was over, with {suspicions} undecided: {_trials_so_far_message(case)}"
    if case.proof.changed:
        return f"the trials ended early, with {suspicions} undecided: {_trials_so_far_message(case)}"
    if not case.trials:
        return f"undecided: {suspicions}, and no remedy is known whose trial could confirm {it}"
    if not any(trial.was_judged for trial in case.trials):
        return f"undecided: {suspicions}, and no remedy for {it} could be tried"
    return f"undecided: no trial has confirmed or ruled out {suspicions}"


def _trials_so_far_message(case: Case) -> str:
    """Return how many remedies had been tried when the trials ended early."""
    if not case.trials:
        return "no trial has finished yet"
    return f"{trials_message(case)} so far"


def _nothing_learned_message(case: Case) -> str:
    """Return a sentence that compares the final loss or metric of a run that has learned little with a reference."""
    record, steps = case.record, count(case.record.steps, "step")
    unexplained = _unexplained_message(case)
    if summarise(record).diverged("0"):
        return f"the training loss became infinite or NaN within {steps}; {unexplained}"
    if summarise(record).has_unimproved_metric and (metric := main_metric(record)):
        untrained = f"compared with {number(metric.untrained)} for the untrained network"
        value = number(metric.last_value(record))
        return f"after {steps} the logged {metric.name!r} is {value}, {untrained}; {unexplained}"
    curve, constant = record.series("metric", evaluation_metric(record)), constant_cost(record)
    floor, place = attainable_loss(record), evaluation_metric(record)
    cost = (
        f"excess over the attainable loss {number(floor)}"
        if floor
        else METRIC_NAMES.get(place, place).removeprefix("the ")
    )
    if constant is None:
        change = f"from {number(curve.first)} to {number(curve.last)}"
        return f"the {cost} on the fixed examples changed {change} in {steps}; {unexplained}"
    compared = f"{number(curve.last)}, about that of {constant_message(record)} ({number(constant)})"
    falling = ", although it is still falling" if _has_loss_fallen(record) else ""
    return f"after {steps} the {cost} on the fixed examples is {compared}{falling}; {unexplained}"


def _unexplained_message(case: Case) -> str:
    """Return what may explain that a run has not learned: the learning rate, or problems that are still suspected."""
    if reasons := [r.sentence for r in case.reservations if r.kind in ("learning_rate_still_rises", "steps_too_long")]:
        return reasons[0]
    if not case.suspicions:
        return "no known problem explains it"
    return f"no trial has confirmed the suspected problems: {', '.join(title_with_id(s.id) for s in case.suspicions)}"


def _has_loss_fallen(record: Record) -> bool:
    """Return whether the loss fell, both on the fixed examples and on the batches of the training."""
    curve = record.series("metric", evaluation_metric(record))
    return bool(len(curve)) and curve.last < curve.first and summarise(record).is_falling("0")


def failure_message(case: Case) -> str:
    """Return a sentence on the failure of the script: after how many steps, with which exit status and exception."""
    ending = case.record.ending or Ending(EndReason.FAILED, 1)
    cause = exception_line(ending.error)
    why = f": {one_line(cause, LONGEST_CAUSE).rstrip('.')}" if cause else ""
    how = "was killed" if ending.reason == EndReason.KILLED else "failed"
    return f"the script {how} {_failure_time_phrase(case.record)} with status {number(ending.status)}{why}"


def _failure_time_phrase(record: Record) -> str:
    """Return when a run failed as a phrase, such as `after 12 steps`."""
    if record.steps:
        return f"after {steps_taken(record)}"
    return "before its first step" if record.ending and record.ending.is_reported else "before a step was observed"


def _unjudged_message(record: Record) -> str:
    """Return a sentence which says why the run cannot be judged."""
    ending = record.ending
    if ending and ending.reason == EndReason.KILLED:
        status = number(ending.status)
        return (
            f"the process was killed {_failure_time_phrase(record)} (status {status}), so the training cannot be judged"
        )
    if ending and not ending.steps:
        return "no optimizer step was observed, so there is nothing to judge"
    return "the record of this run is incomplete, so the training cannot be judged"


def _unfixed_message(case: Case) -> str:
    """Return which certain problems remain after the fix, as the end of a sentence; "" if none remain."""
    ids = join_names([finding.id for finding in unfixed_problems(case)], LONGEST_IDS)
    return f". Then run descend doctor again: it does not fix {ids}" if ids else ""


def _remedy_message(case: Case) -> str:
    """Return the part of the verdict that names the proved fix or, without one, the result of the trials."""
    if case.fix:
        seeds = f" on {count(len(case.fix.seeds), 'seed')}" if case.fix.seeds else ""
        label = one_line(case.fix.label, LONGEST_LABEL)
        only = causes(case)[0] if len(causes(case)) == 1 else None
        if case.fix.verdict == Verdict.TRAIN_LONGER and only is not None and only.kind != "wiring":
            return f"nothing is broken: {label}, {change_message(case.fix)}{seeds}"
        if case.fix.verdict == Verdict.PARTLY_FIXES:
            what = "a change that removes a problem and makes no run clearly worse"
            return f"and {what}: {label}, {change_message(case.fix)}{seeds}"
        return f"and a proved fix: {label}, {change_message(case.fix)}{seeds}{_unfixed_message(case)}"
    if any(trial.verdict in (Verdict.PROVED, Verdict.HELPS, Verdict.NOT_PROVED) for trial in case.trials):
        return "and a change that helped in one trial but is not proved"
    if case.proof.limit == "quick":
        return "and no remedy was tried (--quick)"
    if case.proof.limit == "budget":
        return f"and the time of --budget was over: {_trials_so_far_message(case)}"
    if case.proof.changed:
        return f"and the trials ended early: {_trials_so_far_message(case)}"
    ran = [trial for trial in case.trials if trial.was_judged]
    if case.unproved_trial is not None and not ran:
        return f"and a change whose effect no trial could measure: {one_line(case.unproved_trial.label, LONGEST_LABEL)}"
    if len(ran) == 1:
        return "but the only remedy tried did not help"
    if ran:
        return f"but none of the {count(len(ran), 'tried remedy', 'tried remedies')} helped"
    return "but no remedy could be tried" if case.trials else "but no remedy was tried"
