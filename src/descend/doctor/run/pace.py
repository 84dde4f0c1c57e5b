"""How long the processes of a group take for their steps, unobserved: the observed one would be the slow one."""

from dataclasses import replace

from descend.doctor.record import Message, Reading, Record
from descend.doctor.run.launch import new_record, run
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

TIMES = ("step_seconds", "own_seconds")


def step_times(script: Script, plan: Plan, record: Record) -> list[Message]:
    """Run as many steps again under plain python; return the readings of `TIMES` of every process."""
    bare = replace(plan.fixed_at(record.steps), role="bare")
    found = run(script, bare, new_record(script, bare))
    return readings(found)


def readings(record: Record) -> list[Message]:
    """Return what a record holds of the times of every process."""
    return [
        Reading(name, rank, step, value)
        for name in TIMES
        for rank in record.places(name)
        for step, value in record.series(name, rank)
    ]
