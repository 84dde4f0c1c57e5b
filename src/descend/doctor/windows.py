"""How much of a script's training is looked at: a window, the whole of a short run, each stage of several."""

from collections.abc import Iterator
from dataclasses import replace
from math import isfinite
from pathlib import Path

from descend.doctor.course.own_metric import own_metrics
from descend.doctor.course.stages import stages
from descend.doctor.record import Ending, Record
from descend.doctor.run.outlook import whole_length
from descend.doctor.sandbox.world import NOT_TOLD
from descend.doctor.script.plan import Plan, Stage
from descend.doctor.script.script import Script
from descend.doctor.source.later_training import trains_later
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.run_context import RunContext
from descend.ground.interruption import interruption_status

LATER = 10  # times the steps, for a training behind the one that filled the window


def whole_run(script: Script, plan: Plan, context: RunContext) -> tuple[Record, Plan]:
    """Observe the script; return the record, and the plan with as many steps as that took."""
    whole = context.observe(script, plan)
    if not plan.processes and whole.ending and whole.ending.reason == "failed" and NOT_TOLD in whole.ending.error:
        plan = replace(plan, processes=1)
        whole = context.observe(script, plan)
    whole, plan = _to_its_end(script, plan, context, whole)
    if _trains_later(script, plan, whole):
        longer = plan.fixed_at(LATER * plan.steps)
        further = context.observe(script, longer)
        if further.ending and further.ending.reason == "finished" and len(stages(further)) > 1:
            return further, longer
    return whole, plan


def each_stage(script: Script, plan: Plan, context: RunContext, whole: Record) -> Iterator[tuple[Plan, Record]]:
    """Yield the plan and the record; where the record is of a training in stages those of each."""
    keys = stages(whole) if whole.ending and whole.ending.reason in ("finished", "window") else []
    if len(keys) < 2:
        yield plan, whole
        return
    first = whole.series("loss", "0").first
    for number, key in enumerate(keys, 1):
        part = replace(plan, stage=Stage(int(key), number, len(keys), first))
        yield part, context.observe(script, part)


def was_short(record: Record, proof: Proof) -> bool:
    """Whether the cure of a fact could be tried, and did not show in the steps observed: more may show it."""
    if proof.cure or proof.interrupted or proof.changed or record.ending is None or record.ending.reason != "window":
        return False
    facts = {symptom.id for symptom in proof.symptoms if symptom.certain}
    tried = [trial for trial in proof.trials if trial.judged_on != "time"]
    return any(facts.intersection(trial.symptoms) and isfinite(trial.after) for trial in tried)


def _to_its_end(script: Script, plan: Plan, context: RunContext, record: Record) -> tuple[Record, Plan]:
    """Return the run of the whole script, where it is short and says at its end how good its network is.

    Where steps are slow that is asked only of a script that has not said so yet.
    """
    if record.steps < plan.steps and own_metrics(record):
        return record, plan
    try:
        steps = whole_length(script, plan, record, context.server)
    except KeyboardInterrupt as error:
        record.add(Ending("interrupted", interruption_status(error), record.steps))
        return record, plan
    if not steps:
        return record, plan
    whole = plan.fixed_at(steps + 1)  # what comes behind the last step is heard, too
    return context.observe(script, whole), whole


def _trains_later(script: Script, plan: Plan, record: Record) -> bool:
    """Whether the window has closed, quickly, before a script comes to another training that it makes further down."""
    backward = record.site("backward")
    was_quick = record.ending is not None and record.ending.reason == "window" and record.steps == plan.steps
    if plan.is_fixed or not was_quick or backward is None or Path(backward.file) != script.path:
        return False
    return trains_later(script.read(script.path), backward.line)
