"""How long a script trains in all, where it soon comes to its end and says there how good its network is."""

from dataclasses import replace

from descend.doctor.record import Record, facts
from descend.doctor.run.forking import ForkServer
from descend.doctor.run.launch import new_record, run
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

TIMES = 4  # the steps of the window: what is not over by then is taken to be long


def whole_length(script: Script, plan: Plan, record: Record, server: ForkServer | None) -> int:
    """Return the steps of a script that the window has cut off from what it says at its end; 0 where that is far off.

    What it says is a number by a name of known direction that it had not printed before, and no loss of its training.
    """
    ending = record.ending
    if plan.is_fixed or plan.processes or ending is None or ending.reason != "window":
        return 0
    if not record.steps or TIMES * ending.loop_s > plan.seconds:
        return 0
    further = replace(plan.fixed_at(TIMES * record.steps), role="trial_run")
    found = run(script, further, new_record(script, further), server=server)
    if found.ending is None or found.ending.reason != "finished":
        return 0
    told, known = found.every(facts.OwnNumber), record.places("own_number")
    new = [number for name, number in told.items() if name not in known and number.rises is not None]
    return found.steps if any(number.is_held_out or not number.is_loss for number in new) else 0
