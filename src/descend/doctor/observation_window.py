"""Decide how much of a training is observed: the first steps, the whole of a short run, or each of several stages."""

import time
from collections.abc import Callable
from dataclasses import replace
from math import isfinite, isinf
from pathlib import Path

from descend.core.bound import Bound
from descend.core.deadline import Deadline
from descend.core.interruption import interruption_status
from descend.doctor.assess.logged_metric import logged_metrics
from descend.doctor.assess.stages import stages
from descend.doctor.codemod.later_training import trains_again_after
from descend.doctor.execution.outlook import count_steps_to_evaluation
from descend.doctor.record import Ending, Record, SiteKind
from descend.doctor.sandbox.world import TORCHRUN_MISSING
from descend.doctor.script.plan import Plan, Stage
from descend.doctor.script.run_names import EndReason
from descend.doctor.script.script import Script
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.run_context import RunContext

FINISHING_S = Bound(
    4.0,
    "seconds of a budget that are kept for the report",
    "measured with descend doctor --budget 20 … 45 examples/digits_mlp.py on two cores: at a load of 5 to 7, the "
    "command ended 2.4 to 4.2 s after the deadline",
)
FINISHING = Bound(
    1.0,
    "multiple of the duration of the start that is kept for the report, if that is longer",
    "measured at the same load: after the last run, the command took 0.1 to 0.5 times as long as its start; the rest "
    "is for a scratch copy that takes longer to delete than expected",
)
LONGER = 10  # factor for the number of steps, to reach a second training loop if the first one took all the steps


def limit_to_budget(plan: Plan, clock: Callable[[], float] = time.monotonic) -> tuple[Deadline, Plan]:
    """Return the deadline that the plan's budget sets, and the plan with a window that fits the budget.

    clock: the clock of `plan.began`. The time since then shows how busy the machine is: the longer it is, the more time
    is kept for the report. A proof should still fit after the observed run, unless no trials were requested. If the
    script prepares its data for longer, only the deadline ends the run.
    """
    if isinf(plan.budget_s):
        return Deadline(), plan
    start_s = clock() - plan.began
    finishing_s = max(FINISHING_S, FINISHING * start_s)
    deadline = Deadline(plan.began + plan.budget_s - finishing_s, clock)
    window_s = min(plan.seconds, _window_of_budget_s(plan))
    patience_s = min(plan.patience, plan.budget_s)
    return deadline, replace(plan, seconds=window_s, patience=patience_s, until=deadline.at)


def shortened_observation_message(record: Record, plan: Plan) -> str:
    """Return which part of the training was not observed because of the budget; "" if the budget changed nothing."""
    ending = record.ending
    if isinf(plan.budget_s) or ending is None or ending.reason != EndReason.WINDOW or record.steps >= plan.steps:
        return ""
    trained_s = ending.loop_s - ending.probe_s
    is_enough = record.steps >= plan.least_steps and trained_s >= plan.quick_s
    if is_enough or plan.seconds <= trained_s and plan.seconds < _window_of_budget_s(plan):
        return ""
    return f"the training after step {record.steps}, because --budget leaves too little time to observe it"


def _window_of_budget_s(plan: Plan) -> float:
    """Return how many seconds of training may be observed, so that a proof still fits into the budget.

    The observed run may take twice as long as its training, because of the measurements.
    """
    return plan.budget_s / (2 + (0 if plan.quick else plan.proof_length))


def observe_in_group(script: Script, plan: Plan, context: RunContext) -> tuple[Record, Plan]:
    """Observe a script, and once more as a group of one process if it needs `torchrun`. Return the record and plan."""
    record = context.observe(script, plan)
    ending = record.ending
    needs_group = ending is not None and ending.reason == EndReason.FAILED and TORCHRUN_MISSING in ending.error
    if plan.processes or not needs_group or context.deadline.is_over:
        return record, plan
    plan = replace(plan, processes=1)
    return context.observe(script, plan), plan


def observe_script(script: Script, plan: Plan, context: RunContext) -> tuple[Record, Plan]:
    """Run and observe the script; return the record, and the plan with the number of steps that were observed.

    If the user presses Ctrl-C, the record is marked as interrupted.
    """
    whole, plan = observe_in_group(script, plan, context)
    if plan.quick or context.deadline.is_over:
        return whole, plan
    try:
        whole, plan = _observe_to_end(script, plan, context, whole)
        if not context.deadline.is_over and _has_later_training(script, plan, whole):
            longer = plan.with_fixed_steps(LONGER * plan.steps)
            further = context.observe(script, longer)
            if further.ending and further.ending.reason == EndReason.FINISHED and len(stages(further)) > 1:
                return further, longer
            _pass_on_interruption(further, whole)
    except KeyboardInterrupt as error:
        whole.add(Ending("interrupted", interruption_status(error), whole.steps))
    return whole, plan


def stage_plans(plan: Plan, whole: Record) -> list[Plan]:
    """Return the plan for the observation of each stage of a training; an empty list for a training without stages."""
    keys = stages(whole) if whole.ending and whole.ending.reason in (EndReason.FINISHED, EndReason.WINDOW) else []
    if len(keys) < 2 or plan.quick:
        return []
    first_loss = whole.series("loss", "0").first
    return [replace(plan, stage=Stage(int(key), number, len(keys), first_loss)) for number, key in enumerate(keys, 1)]


def window_was_too_short(record: Record, proof: Proof) -> bool:
    """Return whether a certain problem's remedy showed no gain within the observed steps, but might in a longer run."""
    if (
        proof.fix
        or proof.interrupted
        or proof.changed
        or record.ending is None
        or record.ending.reason != EndReason.WINDOW
    ):
        return False
    facts = {symptom.id for symptom in proof.symptoms if symptom.certain}
    tried = [trial for trial in proof.trials if trial.judged_on != "time"]
    return any(facts.intersection(trial.symptoms) and isfinite(trial.after) for trial in tried)


def _observe_to_end(script: Script, plan: Plan, context: RunContext, record: Record) -> tuple[Record, Plan]:
    """Observe a short script again, up to its end, if only the whole run logs an evaluation metric.

    Return the record and the plan of that run, or the given ones if there is no such run. A script with slow steps that
    has already logged a metric is not run again.
    """
    if record.steps < plan.steps and logged_metrics(record):
        return record, plan
    steps = count_steps_to_evaluation(script, plan, record, context.server)
    if not steps or context.deadline.is_over:
        return record, plan
    whole = plan.with_fixed_steps(steps + 1)  # With one more step, the output after the last step is observed as well.
    further = context.observe(script, whole)
    was_cut_off = context.deadline.is_over and further.steps < record.steps
    return (record, plan) if _pass_on_interruption(further, record) or was_cut_off else (further, whole)


def _pass_on_interruption(further: Record, record: Record) -> bool:
    """Mark a record as interrupted if a further run of the script was; return whether it was."""
    if further.ending is None or further.ending.reason != EndReason.INTERRUPTED:
        return False
    known = record.ending or further.ending
    record.ending = replace(known, reason=EndReason.INTERRUPTED, status=further.ending.status)
    return True


def _has_later_training(script: Script, plan: Plan, record: Record) -> bool:
    """Return whether the run reached its step limit although the script has another training loop further down."""
    backward = record.site(SiteKind.BACKWARD)
    was_quick = record.ending is not None and record.ending.reason == EndReason.WINDOW and record.steps == plan.steps
    if plan.is_fixed or not was_quick or backward is None or Path(backward.file) != script.path:
        return False
    return trains_again_after(script.read(script.path), backward.line)
