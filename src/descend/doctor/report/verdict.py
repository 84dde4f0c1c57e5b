"""The case in one sentence."""

from descend.doctor.case import Case
from descend.doctor.course.own_metric import own_metric
from descend.doctor.course.progress import constant_cost, constant_in_words, diverged, is_falling, yardstick_place
from descend.doctor.course.suffering import has_hardly_learnt
from descend.doctor.course.yardstick import IN_WORDS, attainable_loss
from descend.doctor.record import Ending, Record
from descend.doctor.record.failures import cause_of
from descend.doctor.report.in_part import in_part, is_partial, steps_seen
from descend.doctor.report.observed import CUT_OFF, ending_reason
from descend.doctor.report.titles import heading, title
from descend.doctor.report.wording import count, number, one_line, sentence, steps_taken
from descend.doctor.symptoms import Symptom
from descend.doctor.trials.trial import Trial

LONGEST_LABEL, LONGEST_CAUSE = 60, 160  # characters
HEADLINES = {
    "loss_still_falls": "Undecided: the loss is still falling",
    "learning_rate_still_rises": "Undecided: the learning rate is still rising",
    "steps_too_long": "Undecided: the steps may be too long",
    "settings_not_varied": "Undecided: no setting could be varied",
    "too_few_steps": "Undecided: too few steps",
    "not_replayed": "Undecided: little could be measured",
}


def is_clean(case: Case) -> bool:
    """Tell whether a run without findings is called free of problems."""
    return case.status == "healthy" and is_judged(case) and not is_partial(case.record)


def _found(case: Case) -> str:
    """Return how many findings there are, and how many observations without a known cause."""
    observed = sum(finding.is_observation for finding in causes(case))
    diagnosed = len(causes(case)) - observed
    parts = [count(diagnosed, "finding")] if diagnosed else []
    return " and ".join(
        [*parts, count(observed, "observation without a known cause", "observations without a known cause")]
        if observed
        else parts
    )


def headline(case: Case) -> str:
    """Return the verdict in a few words, for the head of the page."""
    if case.status == "script_failed":
        return "The script failed"
    if case.findings:
        return sentence(heading(case.findings[0])).rstrip(".")
    if not is_judged(case):
        return "The run could not be judged"
    if case.interrupted:
        return "Interrupted before the checks were complete"
    if case.undecided:
        return "Undecided: a suspicion is open"
    if case.learnt_nothing:
        return "The run has learned little or nothing so far, and no known problem explains it"
    if case.reservations:
        return HEADLINES[case.reservations[0].kind]
    if is_partial(case.record):
        return "No problem found in what could be judged"
    return "No problem found" if was_read(case) else "No problem found, but the targets are not known"


def verdict(case: Case) -> str:
    """Return the verdict in one sentence, with the number that it rests on, and whether it was interrupted."""
    words = _verdict(case)
    return f"interrupted: {words}" if case.interrupted and "interrupt" not in words else words


def _verdict(case: Case) -> str:
    if case.status == "script_failed":
        found = f"; {_found(case)} before that, {_remedy(case)}" if case.findings else ""
        return failure(case) + found
    if case.findings:
        return f"{_found(case)}, {_remedy(case)}"
    if not is_judged(case):
        return f"the script {case.shortfall}" if case.shortfall else _unjudged(case.record)
    if case.undecided:
        return _undecided(case)
    if case.interrupted:
        return _interrupted(case)
    if case.learnt_nothing:
        return f"undecided: {_nothing_learned(case)}"
    if case.reservations:
        return f"undecided: {case.reservations[0].sentence}"
    return _no_problem_found(case)


def _no_problem_found(case: Case) -> str:
    """Return in which steps no problem was found, and what could not be judged in them."""
    steps = f"{count(steps_seen(case.record), 'step')} observed"
    left_out = f"; not looked for: {', '.join(sorted(case.left_out))}" if case.left_out else ""
    if is_partial(case.record):
        return f"no problem found in {in_part(case.record, steps)}{left_out}"
    if not was_read(case):
        unread = "the loss does not show the targets, so whether the outputs match them could not be judged"
        return f"no problem found in the {steps}, but {unread}{left_out}"
    return f"no problem found in the {steps}{left_out}"


def _interrupted(case: Case) -> str:
    """Return how far a consultation without findings came."""
    steps = count(steps_seen(case.record), "step")
    if ending_reason(case) == "interrupted":
        return f"interrupted after {steps}: nothing wrong was seen so far, but the checks are not complete"
    if ending_reason(case) == CUT_OFF:
        return f"the record ends after {steps}: nothing wrong was seen so far, but the checks are not complete"
    return f"interrupted: {_so_far(case)}"


def is_judged(case: Case) -> bool:
    """Tell whether the run took steps and ended well enough to be judged."""
    return (
        case.record.steps > 0
        and not case.shortfall
        and ending_reason(case) in ("finished", "window", "interrupted", CUT_OFF)
    )


def was_read(case: Case) -> bool:
    """Tell whether the loss shows the targets: without them the task is not known."""
    return yardstick_place(case.record) != "loss"


def tried(case: Case) -> str:
    """Return how many remedies were run, and how many of them were proved: `5 remedies tried, 1 proved`."""
    ran = [trial for trial in case.trials if trial.was_judged]
    proved = sum(trial.verdict in ("proved", "train_longer") for trial in ran)
    suggested = sum(trial.verdict == "suggested" for trial in ran)
    told = f"{count(len(ran), 'remedy', 'remedies')} tried, {number(proved)} proved"
    return f"{told}, {number(suggested)} suggested" if suggested else told


def consequences(case: Case) -> frozenset[str]:
    """Return the ids of the findings that a finding ranked above them explains."""
    folded: set[str] = set()
    for finding in case.findings:
        if finding.id not in folded:
            folded |= finding.explains - {finding.id}
    return frozenset(folded)


def causes(case: Case) -> tuple[Symptom, ...]:
    """Return the findings that no other one explains, worst first; all findings if each is explained by another."""
    folded = consequences(case)
    return tuple(f for f in case.findings if f.id not in folded) or case.findings


def change(trial: Trial) -> str:
    """Return `negative log-likelihood 2.301 → 0.0831`; `... 2.301 as before` where no digit of it changes."""
    name = f"excess over the attainable loss {number(trial.floor)}:" if trial.floor else trial.quantity
    is_same = number(trial.before) == number(trial.after)
    return f"{name} {f'{number(trial.after)} as before' if is_same else numbers(trial)}".strip()


def numbers(trial: Trial) -> str:
    """Return `2.301 → 0.0831`, for a row of a table that names the metric."""
    return f"{number(trial.before)} → {number(trial.after)}"


def refutation(symptom: Symptom, trial: Trial) -> str:
    """Return why a finding was withdrawn: what the best of its remedies made of the run."""
    seeds = count(len(trial.seeds), "seed")
    label = one_line(trial.label, LONGEST_LABEL)
    return f"{title(symptom.id)}: each remedy makes the run clearly worse ({label}: {change(trial)} on {seeds})"


def _undecided(case: Case) -> str:
    """Return how many suspicions are open, and why no trial has decided them."""
    suspicions = count(len(case.undecided), "suspicion")
    it = "it" if len(case.undecided) == 1 else "them"
    if case.record.role == "watch":
        return f"{suspicions}; watch runs no trials, but descend doctor can decide {it}"
    if case.interrupted:
        return f"interrupted, with {suspicions} open: {_so_far(case)}"
    if case.changed:
        return f"the trials ended early, with {suspicions} open: {_so_far(case)}"
    if not case.trials:
        return f"undecided: {suspicions}, and no known remedy could decide {it}"
    if not any(trial.was_judged for trial in case.trials):
        return f"undecided: {suspicions}, and no remedy that would decide {it} could be tried"
    return f"undecided: no trial has confirmed or dismissed {suspicions}"


def _so_far(case: Case) -> str:
    """Return how many trials were run before they were ended."""
    if not case.trials:
        return "no trial has finished yet"
    return f"{tried(case)} so far"


def _nothing_learned(case: Case) -> str:
    """Return the loss or the metric of a run that has learned next to nothing, and what it is compared with."""
    record, steps = case.record, count(case.record.steps, "step")
    unexplained = _unexplained(case)
    if diverged(record, "0"):
        return f"the training loss became infinite or NaN within {steps}; {unexplained}"
    if has_hardly_learnt(record) and (metric := own_metric(record)):
        untrained = f"the untrained network's is {number(metric.untrained)}"
        return f"after {steps} the logged {metric.name!r} is {number(metric.end(record))}, {untrained}; {unexplained}"
    curve, constant = record.series("yardstick", yardstick_place(record)), constant_cost(record)
    floor, place = attainable_loss(record), yardstick_place(record)
    cost = (
        f"excess over the attainable loss {number(floor)}" if floor else IN_WORDS.get(place, place).removeprefix("the ")
    )
    if constant is None:
        change = f"from {number(curve.first)} to {number(curve.last)}"
        return f"the {cost} of the fixed examples went {change} in {steps}; {unexplained}"
    compared = f"{number(curve.last)}, about that of {constant_in_words(record)} ({number(constant)})"
    falling = ", although it is still falling" if _goes_down(record) else ""
    return f"after {steps} the {cost} of the fixed examples is {compared}{falling}; {unexplained}"


def _unexplained(case: Case) -> str:
    """Return what is known of the reason: how the learning rate goes, or else which suspicions no trial has settled."""
    if known := [r.sentence for r in case.reservations if r.kind in ("learning_rate_still_rises", "steps_too_long")]:
        return known[0]
    if not case.suspicions:
        return "no known problem explains it"
    return f"no trial has confirmed what was suspected: {', '.join(title(s.id) for s in case.suspicions)}"


def _goes_down(record: Record) -> bool:
    """Tell whether both the loss of the fixed examples and that of the batches fell, if not by much."""
    curve = record.series("yardstick", yardstick_place(record))
    return bool(len(curve)) and curve.last < curve.first and is_falling(record, "0")


def failure(case: Case) -> str:
    """Return how the script failed, with its exception's class and the first line of its message."""
    ending = case.record.ending or Ending("failed", 1)
    cause = cause_of(ending.error)
    why = f": {one_line(cause, LONGEST_CAUSE).rstrip('.')}" if cause else ""
    how = "was killed" if ending.reason == "killed" else "failed"
    return f"the script {how} {_when(case.record)} with status {number(ending.status)}{why}"


def _when(record: Record) -> str:
    if record.steps:
        return f"after {steps_taken(record)}"
    return "before its first step" if record.ending and record.ending.is_told else "before any step was seen"


def _unjudged(record: Record) -> str:
    ending = record.ending
    if ending and ending.reason == "killed":
        status = number(ending.status)
        return f"the process was killed {_when(record)} (status {status}), so the training cannot be judged"
    if ending and not ending.steps:
        return "no optimizer step was seen, so there is nothing to judge"
    return "the record of this run is incomplete, so the training cannot be judged"


def _remedy(case: Case) -> str:
    if case.cure:
        seeds = f" on {count(len(case.cure.seeds), 'seed')}" if case.cure.seeds else ""
        label = one_line(case.cure.label, LONGEST_LABEL)
        if case.cure.verdict == "train_longer" and len(causes(case)) == 1:
            return f"nothing is broken: with {label} {change(case.cure)}{seeds}"
        if case.cure.verdict == "mends":
            return f"and a change that removes it: {label}; no run is clearly worse, {change(case.cure)}{seeds}"
        return f"and a proved remedy: {label}, {change(case.cure)}{seeds}"
    if any(trial.verdict in ("proved", "helps", "not_proved") for trial in case.trials):
        return "and a remedy that helped once but is not proved"
    if case.changed:
        return f"and the trials ended early: {_so_far(case)}"
    ran = [trial for trial in case.trials if trial.was_judged]
    if case.unproved is not None and not ran:
        return f"and a change for it that no trial could prove: {one_line(case.unproved.label, LONGEST_LABEL)}"
    if len(ran) == 1:
        return "but the one remedy tried did not help"
    if ran:
        return f"but none of the {count(len(ran), 'remedy', 'remedies')} tried helped"
    return "but no remedy could be tried" if case.trials else "no remedy tried"
