"""What a script's own numbers are where nothing is learnt: the same run, each of its steps taken back."""

from dataclasses import replace

from descend.doctor.record import Fact, Message, Record, facts
from descend.doctor.run.forking import ForkServer
from descend.doctor.run.launch import new_record, run
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script


def untrained_numbers(script: Script, plan: Plan, record: Record, server: ForkServer | None) -> list[Message]:
    """Run as many steps again that move nothing; return the facts `untrained`, one for each number that it prints.

    None of a script that moves its parameters itself: only an optimizer's steps can be taken back.
    """
    optimizers = record.every(facts.Optimizer).values()
    if not optimizers or any(optimizer.by_hand for optimizer in optimizers):
        return []
    is_over = record.ending is not None and record.ending.reason == "finished"  # what comes behind it is heard, too
    idle = replace(plan.fixed_at(record.steps + is_over), role="trial_run", trains=False)
    found = run(script, idle, new_record(script, idle), server=server)
    if found.ending is None or found.ending.reason not in ("finished", "window"):
        return []
    return [
        Fact.of(facts.Untrained(found.series("own_number", name).last), found.steps, name)
        for name in found.places("own_number")
    ]
