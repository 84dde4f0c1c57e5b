"""Find the length of a whole training that ends soon and prints its evaluation at the end."""

from dataclasses import replace

from descend.doctor.execution.forking import ForkServer
from descend.doctor.execution.launch import new_record, run
from descend.doctor.record import Record, facts
from descend.doctor.script.plan import Plan
from descend.doctor.script.run_names import EndReason
from descend.doctor.script.script import Script

TIMES = 4  # largest length of a training that is run to its end, in multiples of the steps of the observation window


def count_steps_to_evaluation(script: Script, plan: Plan, record: Record, server: ForkServer | None) -> int:
    """Repeat a run up to its end; return its number of steps if an evaluation follows the observed steps, else 0.

    The evaluation is a logged metric of known direction, not printed within the window, and not the training loss.
    Returns 0 too if the end of the training is more than `TIMES` windows away.
    """
    ending = record.ending
    if plan.is_fixed or plan.processes or ending is None or ending.reason != EndReason.WINDOW:
        return 0
    if not record.steps or TIMES * ending.loop_s > plan.seconds:
        return 0
    further = replace(plan.with_fixed_steps(TIMES * record.steps), role="trial_run")
    found = run(script, further, new_record(script, further), server=server)
    if found.ending is None or found.ending.reason != EndReason.FINISHED:
        return 0
    logged, known = found.every(facts.MetricName), record.places("logged_metric")
    new = [number for name, number in logged.items() if name not in known and number.rises is not None]
    return found.steps if any(number.is_held_out or not number.is_loss for number in new) else 0
