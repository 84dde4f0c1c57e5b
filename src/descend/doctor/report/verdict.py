"""The case in one sentence."""

from descend.doctor.case import Case
from descend.doctor.course.own_metric import own_metric
from descend.doctor.course.progress import constant_cost, constant_in_words, diverged, is_falling, yardstick_place
from descend.doctor.course.suffering import has_hardly_learnt
from descend.doctor.course.yardstick import IN_WORDS, attainable_loss
from descend.doctor.record import Ending, Record, facts
from descend.doctor.record.failures import cause_of
from descend.doctor.report.in_part import in_part, is_partial, steps_seen, steps_watched
from descend.doctor.report.titles import heading, title
from descend.doctor.report.wording import count, duration, number, one_line, sentence, steps_taken
from descend.doctor.symptoms import Symptom
from descend.doctor.trials.trial import Trial

CUT_OFF = "cut off"  # no ending was recorded: it was killed, or it goes on
LONGEST_COMMAND, LONGEST_LABEL, LONGEST_CAUSE = 80, 60, 160  # characters
MEASURING_TOLD = 0.1  # of the time: less is not worth a word
FEW = 10  # steps, as for a stage of a training: fewer show no course that could be judged


def is_clean(case: Case) -> bool:
    """Tell whether a run without findings deserves a clean bill."""
    if is_short(case) or case.undecided or is_partial(case.record):
        return False
    return is_judged(case) and was_replayed(case) and not case.learnt_nothing


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
        return "Nothing could be judged"
    if case.undecided:
        return "A suspicion"
    if case.learnt_nothing:
        return "It has learnt little or nothing so far, and nothing that was looked for explains it"
    if not was_replayed(case):
        return "Nothing wrong was seen, but little was measured"
    if is_short(case):
        return "Nothing wrong was seen, in too few steps to tell"
    if is_partial(case.record):
        return "Nothing wrong was found in what could be judged"
    return "A clean bill of health" if was_read(case) else "Nothing wrong was found, but the targets are not known"


def verdict(case: Case) -> str:
    """Return the verdict in one sentence, with the number that carries it, and whether it was interrupted."""
    words = _verdict(case)
    return f"interrupted: {words}" if case.interrupted and "interrupt" not in words else words


def _verdict(case: Case) -> str:
    if case.status == "script_failed":
        found = f"; {_found(case)} until then, {_remedy(case)}" if case.findings else ""
        return failure(case) + found
    if case.findings:
        return f"{_found(case)}, {_remedy(case)}"
    if not is_judged(case):
        return f"the script {case.shortfall}" if case.shortfall else _unjudged(case.record)
    if case.undecided:
        return _undecided(case)
    if case.interrupted and case.record.ending and case.record.ending.reason != "interrupted":
        return f"interrupted: {_so_far(case)}"
    if case.learnt_nothing:
        return _no_better_than_constant(case)
    window = {"interrupted": "before the interruption", CUT_OFF: "that were recorded"}.get(_reason(case), "observed")
    besides = f"; not looked for: {', '.join(sorted(case.left_out))}" if case.left_out else ""
    steps = f"{count(steps_seen(case.record), 'step')} {window}"
    if not was_replayed(case):
        return f"nothing wrong was seen in the {steps}, but none could be replayed, so little was measured{besides}"
    if is_short(case):
        return f"nothing wrong was seen in the {steps}, which are too few for a clean bill{besides}"
    if is_partial(case.record):
        return f"nothing wrong was found in {in_part(case.record, steps)}{besides}"
    if not was_read(case):
        return (
            f"nothing wrong was found in the {steps}, but the loss does not show what the targets are, so whether "
            f"the outputs answer to them could not be judged{besides}"
        )
    return f"clean bill: nothing wrong was found in the {steps}{besides}"


def is_judged(case: Case) -> bool:
    """Tell whether the run got far enough, and ended well enough, for having no findings to mean anything."""
    return (
        case.record.steps > 0 and not case.shortfall and _reason(case) in ("finished", "window", "interrupted", CUT_OFF)
    )


def is_short(case: Case) -> bool:
    """Tell whether there were too few steps for anything that shows in the course of a training."""
    return case.record.steps < FEW


def was_replayed(case: Case) -> bool:
    """Tell whether any step was taped: without that there is no curvature, no activations and no yardstick."""
    return case.record.fact(facts.Monitor) is not None


def was_read(case: Case) -> bool:
    """Tell whether the loss shows what the targets are: without that nothing is known of the task."""
    return yardstick_place(case.record) != "loss"


def tried(case: Case) -> str:
    """Return how many remedies were run, and how many of them were proved: `5 remedies tried, 1 proved`."""
    ran = [trial for trial in case.trials if trial.was_judged]
    proved = sum(trial.verdict in ("proved", "train_longer") for trial in ran)
    suggested = sum(trial.verdict == "suggested" for trial in ran)
    told = f"{count(len(ran), 'remedy', 'remedies')} tried, {number(proved)} proved"
    return f"{told}, {number(suggested)} suggested" if suggested else told


def observed(case: Case) -> str:
    """Return what was watched: `the first 300 steps of python train.py, in 2.1 s`."""
    ending, single = case.record.ending, case.record.steps == 1
    which = {"finished": "the only " if single else "all ", "window": "the first "}.get(_reason(case), "")
    which = which if ending and ending.is_told else ""
    amount = "step" if which and single else steps_watched(case.record)
    stage = case.record.fact(facts.Stage)
    of = f" of stage {stage.number} of {stage.of}" if stage else ""
    of += f" of {one_line(case.record.script, LONGEST_COMMAND)}" if case.record.script else ""
    until = {
        "interrupted": " until the interruption",
        CUT_OFF: " until the record breaks off",
        "failed": " until it failed",
        "killed": " until it was killed",
    }.get(_reason(case), "")
    return f"{which}{amount}{of}{until}{_spent(ending) if ending else ''}"


def _spent(ending: Ending) -> str:
    """Return how long it took; what went into measuring counts toward no limit that `--seconds` sets."""
    whole = ending.loop_s or ending.wall_s
    if not whole:
        return ""
    told = min(ending.probe_s, whole) >= MEASURING_TOLD * whole
    return f", in {duration(whole)}" + (f" ({duration(min(ending.probe_s, whole))} of it measuring)" if told else "")


def consequences(case: Case) -> frozenset[str]:
    """Return the ids that a finding ranked above them explains: they are folded under it."""
    folded: set[str] = set()
    for finding in case.findings:
        if finding.id not in folded:
            folded |= finding.explains - {finding.id}
    return frozenset(folded)


def causes(case: Case) -> tuple[Symptom, ...]:
    """Return the findings that stand by themselves, worst first; all of them should each explain another."""
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
    """Return how much is suspected, and why nothing has decided it."""
    suspicions = count(len(case.undecided), "suspicion")
    it = "it" if len(case.undecided) == 1 else "them"
    if case.record.role == "watch":
        return f"{suspicions}, and nothing tried that could decide {it}: descend doctor tries what could"
    if case.interrupted:
        return f"interrupted, with {suspicions} left open: {_so_far(case)}"
    if case.changed:
        return f"the trials ended early, with {suspicions} left open: {_so_far(case)}"
    if not case.trials:
        return f"{suspicions}, and no remedy is known to try that could decide {it}"
    if not any(trial.was_judged for trial in case.trials):
        return f"{suspicions}, and no remedy could be tried that would decide {it}"
    return f"undecided: no trial has confirmed or dismissed {suspicions}"


def _so_far(case: Case) -> str:
    """Return how far the trials came before they were ended."""
    if not case.trials:
        return "the trials could not decide anything yet"
    return f"{tried(case)} so far"


def _no_better_than_constant(case: Case) -> str:
    record, steps = case.record, count(case.record.steps, "step")
    unexplained = _unexplained(case)
    if diverged(record, "0"):
        return f"the training loss became infinite or no number within {steps}, and {unexplained}"
    if has_hardly_learnt(record) and (metric := own_metric(record)):
        unlearnt = f"where it stands at {number(metric.untrained)} without learning"
        return f"after {steps} {metric.name!r} is {number(metric.end(record))}, {unlearnt}, and {unexplained}"
    curve, constant = record.series("yardstick", yardstick_place(record)), constant_cost(record)
    floor, place = attainable_loss(record), yardstick_place(record)
    cost = (
        f"excess over the attainable loss {number(floor)}" if floor else IN_WORDS.get(place, place).removeprefix("the ")
    )
    if constant is None:
        change = f"from {number(curve.first)} to {number(curve.last)}"
        return f"the {cost} of the first examples went {change} in {steps}, and {unexplained}"
    beside = f"{number(curve.last)} where {constant_in_words(record)} costs {number(constant)}"
    beside += "; it still goes down" if _goes_down(record) else ""
    return f"after {steps} the {cost} of the first examples is {beside}, and {unexplained}"


def _unexplained(case: Case) -> str:
    if not case.suspicions:
        return "none of the problems that descend knows explains it"
    return f"no trial has confirmed what was suspected: {', '.join(title(s.id) for s in case.suspicions)}"


def _goes_down(record: Record) -> bool:
    """Tell whether the cost of the fixed examples and that of the batches have come down, if not by much."""
    curve = record.series("yardstick", yardstick_place(record))
    return bool(len(curve)) and curve.last < curve.first and is_falling(record, "0")


def _reason(case: Case) -> str:
    return case.record.ending.reason if case.record.ending else CUT_OFF


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
    return "before its first step" if record.ending and record.ending.is_told else "before a step of it was seen"


def _unjudged(record: Record) -> str:
    ending = record.ending
    if ending and ending.reason == "killed":
        status = number(ending.status)
        return f"the process was killed {_when(record)} (status {status}), so nothing can be said of the training"
    if ending and not ending.steps:
        return "no optimizer step was seen, so there is nothing to judge"
    return "the record of this run is incomplete, so nothing can be said about the training"


def _remedy(case: Case) -> str:
    if case.cure:
        seeds = f" on {count(len(case.cure.seeds), 'seed')}" if case.cure.seeds else ""
        label = one_line(case.cure.label, LONGEST_LABEL)
        if case.cure.verdict == "train_longer" and len(causes(case)) == 1:
            return f"nothing is broken: with {label} {change(case.cure)}{seeds}"
        if case.cure.verdict == "mends":
            return f"and a change after which it is gone: {label}; nothing is clearly worse, {change(case.cure)}{seeds}"
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
