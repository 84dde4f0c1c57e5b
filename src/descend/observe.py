"""One run of the script under observation, into the store, with what is known of it beside what it did."""

from collections.abc import Callable
from dataclasses import asdict

from descend.course.own_metric import asks_untrained, own_metrics
from descend.plan import Plan
from descend.record import Ending, Fact, Message, Record
from descend.record.keeping import keeping
from descend.record.store import Store
from descend.run.chance import untrained_numbers
from descend.run.forking import ForkServer
from descend.run.launch import new_record, run
from descend.run.pace import step_times
from descend.script import Script
from descend.source.prepared import prepared, unaveraged_buffers

Show = Callable[[Record, list[Message]], None]


def observe(
    script: Script, plan: Plan, store: Store, show: Show, server: ForkServer | None = None, parent: int | None = None
) -> Record:
    """Run the script once under observation, into the store; an interrupted run is a record too."""
    record = new_record(script, plan, parent)
    stage = [Fact("stage", "", 0, asdict(plan.stage))] if plan.stage else []
    with keeping(store, record) as take:

        def listen(messages: list[Message]) -> None:
            take(messages)
            show(record, messages)

        record.extend(stage)
        take(stage)
        if plan.role == "exam":
            show(record, [Fact("window", "", 0, asdict(plan))])
        try:
            run(script, plan, record, listen, server)
            if further := _known_beside(script, plan, record, server):
                record.extend(further)
                listen(further)
        except KeyboardInterrupt:
            record.add(Ending("interrupted", 130, record.steps))
    return record


def _known_beside(script: Script, plan: Plan, record: Record, server: ForkServer | None) -> list[Message]:
    """Return what is known of an examined script beside what this run did: by other runs, and by its source."""
    if plan.role != "exam" or not record.can_be_judged:
        return []
    further: list[Message] = []
    if plan.processes > 1:
        further += step_times(script, plan, record)
    elif asks_untrained(record):
        further += untrained_numbers(script, plan, record, server)
    if not own_metrics(record):
        return further
    return [*further, *prepared(script, record), *unaveraged_buffers(script, record)]
