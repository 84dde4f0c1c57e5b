"""Observe the stage of a training that the compared metric describes."""

from dataclasses import replace

from descend.doctor.observation_window import stage_plans
from descend.doctor.prove.metric import choose_metric
from descend.doctor.record import Record
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.run_context import RunContext


def observe_measured_stage(script: Script, plan: Plan, context: RunContext, name: str | None) -> tuple[Record, Plan]:
    """Observe a script, or its last stage if it trains in several ones and logs no metric. Return the record and plan.

    A loss on fixed examples describes the stage that trains on them, so it would not change with later stages. name:
    the name of the logged metric that the user has chosen. Raises `UsageError` if there is no such metric.
    """
    whole = context.observe(script, plan)
    plans = stage_plans(replace(plan, quick=False), whole)
    if not plans or context.deadline.is_over or choose_metric(whole, name).logged is not None:
        return whole, plan
    last = replace(plans[-1], quick=plan.quick)
    return context.observe(script, last), last
