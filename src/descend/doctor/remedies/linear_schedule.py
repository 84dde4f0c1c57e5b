"""Change the learning rate linearly over a number of steps: a warm-up or a decay."""

from dataclasses import dataclass

from descend.doctor.codemod.arguments import format_number
from descend.doctor.codemod.insert_schedule import insert_schedule
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.trainer_arguments import set_trainer_argument
from descend.doctor.record import Record
from descend.doctor.script.script import Script

SCHEDULE = "torch.optim.lr_scheduler.LinearLR"


@dataclass(frozen=True)
class LinearScheduleArguments:
    """Arguments of the remedy `linear_schedule`, which adds a warm-up or a decay of the learning rate."""

    start: float  # `start` and `end` multiply the learning rate at the first step and after the last step
    end: float
    steps: int
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def linear_schedule(script: Script, record: Record, arguments: LinearScheduleArguments) -> Script:
    """Insert a scheduler that changes the learning rate linearly, and the calls of its `step()`.

    A decay lasts for all steps of the run. If a framework's trainer makes its own schedule, its warm-up is set.
    """
    start, end = float(arguments.start), float(arguments.end)

    def write(optimizer: str, steps: str) -> str:
        """Return the code that creates the scheduler."""
        total = (steps if end < start else "") or int(arguments.steps)
        return f"{SCHEDULE}({optimizer}, {_factor_code(start)}, {_factor_code(end)}, total_iters={total})"

    try:
        return insert_schedule(script, record, arguments.optimizer, "decay" if end < start else "warmup", write)
    except NotApplicable as refused:
        return _warm_up_trainer(script, record, arguments, refused)


def _factor_code(share: float) -> str:
    """Return source code for a factor of the learning rate: a fraction such as `1 / 48` or a decimal such as 0.1."""
    parts = round(1 / share) if share > 0 else 0
    is_part = parts > 1 and abs(1 / parts - share) < 1e-9
    return f"1 / {parts}" if is_part and parts not in (2, 4, 5, 10, 20, 50, 100, 1000) else format_number(share)


def _warm_up_trainer(
    script: Script, record: Record, arguments: LinearScheduleArguments, error: NotApplicable
) -> Script:
    """Set the number of warm-up steps of a trainer, such as Hugging Face's, that makes its own schedule."""
    if arguments.end < arguments.start:
        raise error
    warm_up = "warmup_steps", int(arguments.steps)
    return set_trainer_argument(script, record, arguments.optimizer, warm_up, error)
