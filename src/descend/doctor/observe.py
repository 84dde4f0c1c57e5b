"""One run of the script under observation, into the store, with what is known of it beside what it did."""

from collections.abc import Callable

from descend.doctor.course.own_metric import asks_untrained, own_metrics
from descend.doctor.record import Ending, Fact, Message, Record, facts
from descend.doctor.record.keeping import keeping
from descend.doctor.record.store import Store
from descend.doctor.run.chance import untrained_numbers
from descend.doctor.run.forking import ForkServer
from descend.doctor.run.launch import new_record, run
from descend.doctor.run.pace import step_times
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.source.prepared import prepared, unaveraged_buffers
from descend.doctor.source.selection import selections_before_split
from descend.ground.interruption import interruption_status

Show = Callable[[Record, list[Message]], None]


def observe(
    script: Script, plan: Plan, store: Store, show: Show, server: ForkServer | None = None, parent: int | None = None
) -> Record:
    """Run the script once under observation, into the store; an interrupted run is a record too."""
    record = new_record(script, plan, parent)
    stage = [Fact.of(plan.stage, 0)] if plan.stage else []
    with keeping(store, record) as take:

        def listen(messages: list[Message]) -> None:
            take(messages)
            show(record, messages)

        record.extend(stage)
        take(stage)
        if plan.role == "baseline":
            window = facts.Window(plan.steps, plan.seconds, plan.least_steps, plan.quick_s, plan.patience)
            show(record, [Fact.of(window, 0)])
        try:
            run(script, plan, record, listen, server)
            for known in (_known_by_other_runs, _known_by_source):  # some of the latter asks for the former
                if further := known(script, plan, record, server):
                    record.extend(further)
                    listen(further)
        except KeyboardInterrupt as error:
            record.add(Ending("interrupted", interruption_status(error), record.steps))
    return record


def _known_by_other_runs(script: Script, plan: Plan, record: Record, server: ForkServer | None) -> list[Message]:
    """Return what is known of an examined script beside what this run did."""
    if plan.role != "baseline" or not record.can_be_judged:
        return []
    if plan.processes > 1:
        return step_times(script, plan, record)
    return untrained_numbers(script, plan, record, server) if asks_untrained(record) else []


def _known_by_source(script: Script, plan: Plan, record: Record, _: ForkServer | None) -> list[Message]:
    """Return what an examined script's text says; of one that prints nothing of what it trains it judges nothing."""
    if plan.role != "baseline" or not record.can_be_judged or not own_metrics(record):
        return []
    further = [*unaveraged_buffers(script, record), *selections_before_split(script, record)]
    return [*prepared(script, record), *further]
