"""Observe the stage of a training that the compared metric describes."""

from dataclasses import replace

from descend.doctor.assess.logged_metric import logged_metrics
from descend.doctor.observation_window import observe_in_group, stage_plans
from descend.doctor.record import Record
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.run_context import RunContext


def observe_measured_stage(script: Script, plan: Plan, context: RunContext, name: str | None) -> tuple[Record, Plan]:
    """Observe a script, or its last stage if it trains in several ones and logs no metric. Return the record and plan.

    A loss on fixed examples describes the stage that trains on them, so it would not change with later stages. If the
    metric is logged, the returned plan says so. name: the name of the logged metric that the user has chosen.
    """
    whole, plan = observe_in_group(script, plan, context)
    if name is not None or logged_metrics(whole):
        return whole, replace(plan, judged_by_log=True)
    plans = stage_plans(replace(plan, quick=False), whole)
    if not plans or context.deadline.is_over:
        return whole, plan
    last = replace(plans[-1], quick=plan.quick)
    return context.observe(script, last), last
