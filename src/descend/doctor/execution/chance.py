"""Measure a script's logged metrics without learning: repeat the run and undo each optimizer step."""

from dataclasses import replace

from descend.doctor.execution.forking import ForkServer
from descend.doctor.execution.launch import new_record, run
from descend.doctor.record import Fact, Message, Record, facts
from descend.doctor.script.plan import Plan
from descend.doctor.script.run_names import EndReason
from descend.doctor.script.script import Script


def untrained_metrics(script: Script, plan: Plan, record: Record, server: ForkServer | None) -> list[Message]:
    """Repeat a run without learning; return the last value of each logged metric as an `UntrainedMetric` fact.

    Returns an empty list if the script updates parameters itself, since only steps of an optimizer can be undone.
    """
    optimizers = record.every(facts.Optimizer).values()
    if not optimizers or any(optimizer.by_hand for optimizer in optimizers):
        return []
    # If the script ran to its end, one more step is allowed, so that output after the last step is read too.
    is_over = record.ending is not None and record.ending.reason == EndReason.FINISHED
    idle = replace(plan.with_fixed_steps(record.steps + is_over), role="trial_run", trains=False)
    found = run(script, idle, new_record(script, idle), server=server)
    if found.ending is None or found.ending.reason not in ("finished", "window"):
        return []
    return [
        Fact.of(facts.UntrainedMetric(found.series("logged_metric", name).last), found.steps, name)
        for name in found.places("logged_metric")
    ]
