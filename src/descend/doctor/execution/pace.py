"""Time the steps of all processes of a group without observation, which would slow the observed process."""

from dataclasses import replace

from descend.doctor.execution.launch import new_record, run
from descend.doctor.record import Message, Reading, Record
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

TIMES = ("step_seconds", "own_seconds")  # names of the times that are recorded for each step


def step_times(script: Script, plan: Plan, record: Record) -> list[Message]:
    """Repeat a run of several processes without observation; return the measured step times of every process."""
    bare = replace(plan.with_fixed_steps(record.steps), role="bare")
    found = run(script, bare, new_record(script, bare))
    return step_time_messages(found)


def step_time_messages(record: Record) -> list[Message]:
    """Return the step times of all processes in a record, one message for each value. Their names are `TIMES`."""
    return [
        Reading(name, rank, step, value)
        for name in TIMES
        for rank in record.places(name)
        for step, value in record.series(name, rank)
    ]
