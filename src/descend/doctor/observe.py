"""Run the script once under observation, and keep its record in the store."""

import time
from collections.abc import Callable

from descend.core.interruption import interruption_status
from descend.doctor.assess.logged_metric import logged_metrics, needs_untrained_values
from descend.doctor.codemod.average_update import average_updates
from descend.doctor.codemod.feature_selection import selections_before_split
from descend.doctor.codemod.left_loops import left_loops
from descend.doctor.codemod.preprocessing import average_decay, preprocessing_edits, unaveraged_buffers
from descend.doctor.execution.chance import untrained_metrics
from descend.doctor.execution.forking import ForkServer
from descend.doctor.execution.launch import new_record, run
from descend.doctor.execution.pace import step_times
from descend.doctor.record import Ending, Fact, Message, Record, facts
from descend.doctor.record.recording import recording
from descend.doctor.record.store import Store
from descend.doctor.script.plan import Plan
from descend.doctor.script.run_names import Role
from descend.doctor.script.script import Script

Show = Callable[[Record, list[Message]], None]


def observe(
    script: Script, plan: Plan, store: Store, show: Show, server: ForkServer | None = None, parent: int | None = None
) -> Record:
    """Run the script once, keep its record in the store and return it, even if the user interrupts the run.

    parent: number of the run that needs this one, for example the baseline of a trial.
    """
    record = new_record(script, plan, parent)
    stage = [Fact.of(plan.stage, 0)] if plan.stage else []
    with recording(store, record) as keep:

        def store_and_show(messages: list[Message]) -> None:
            """Store messages with measurements of the run, and show its progress."""
            keep(messages)
            show(record, messages)

        record.extend(stage)
        keep(stage)
        if plan.role == Role.BASELINE:
            window = facts.Window(plan.steps, plan.seconds, plan.least_steps, plan.quick_s, plan.patience)
            show(record, [Fact.of(window, 0)])
        try:
            run(script, plan, record, store_and_show, server)
            # The source is analysed last, because the analysis uses the results of the measurements.
            for measure in (_measure_in_other_runs, _analyse_source):
                if further := measure(script, plan, record, server):
                    record.extend(further)
                    store_and_show(further)
        except KeyboardInterrupt as error:
            record.add(Ending("interrupted", interruption_status(error), record.steps))
    return record


def _measure_in_other_runs(script: Script, plan: Plan, record: Record, server: ForkServer | None) -> list[Message]:
    """Return measurements of a baseline run that need extra runs: step times, or metrics of an untrained network."""
    if plan.quick or plan.role != Role.BASELINE or not record.can_be_compared:
        return []
    if record.ending is None or time.monotonic() + record.ending.wall_s > plan.until:
        return []
    if plan.processes > 1:
        return step_times(script, plan, record)
    return untrained_metrics(script, plan, record, server) if needs_untrained_values(record) else []


def _analyse_source(script: Script, plan: Plan, record: Record, _: ForkServer | None) -> list[Message]:
    """Return facts found in the source of a baseline run; those about its data only if the script logs a metric."""
    if plan.role != Role.BASELINE or not record.can_be_compared:
        return []
    found = [
        *unaveraged_buffers(script, record),
        *average_decay(script, record),
        *average_updates(script, record),
        *left_loops(script, record),
    ]
    if logged_metrics(record):
        found += [*preprocessing_edits(script, record), *selections_before_split(script, record)]
    return found
