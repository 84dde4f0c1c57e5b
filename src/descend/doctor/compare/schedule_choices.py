"""Learning-rate schedules over the whole run, made of torch's schedulers."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from descend.core.control_characters import shortened
from descend.core.errors import UsageError
from descend.doctor.codemod.insert_schedule import insert_schedule
from descend.doctor.record import Record
from descend.doctor.remedies.arguments import SchedulerArguments
from descend.doctor.remedies.constant_rate import constant_rate
from descend.doctor.script.script import Script

SCHEDULERS = "torch.optim.lr_scheduler"
WARM_UP_SHARE = 18  # The warm-up takes 1/18 of all steps: 5 of 90 epochs, as in Goyal et al. 2017, §2.2.


@dataclass(frozen=True)
class Schedule:
    """A schedule, and the code that creates its scheduler."""

    label: str
    variable: str = ""  # name of the scheduler's variable in the script
    # Returns the code for the optimizer's variable and the number of steps; None for a constant learning rate.
    write: Callable[[str, str], str] | None = None


def _linear(optimizer: str, steps: str) -> str:
    """Return the code of a linear decay to 0."""
    return f"{SCHEDULERS}.LinearLR({optimizer}, 1.0, 0.0, total_iters={steps})"


def _cosine(optimizer: str, steps: str) -> str:
    """Return the code of a cosine decay to 0 (Loshchilov & Hutter 2017, eq. 5)."""
    return f"{SCHEDULERS}.CosineAnnealingLR({optimizer}, T_max={steps})"


def _one_cycle(optimizer: str, steps: str) -> str:
    """Return the code of a warm-up to the optimizer's learning rate and a cosine decay (Smith & Topin 2019)."""
    rates = f'[g["lr"] for g in {optimizer}.param_groups]'
    return f"{SCHEDULERS}.OneCycleLR({optimizer}, {rates}, total_steps={steps}, cycle_momentum=False)"


def _warm_up(optimizer: str, steps: str) -> str:
    """Return the code of a linear warm-up, after which the learning rate is constant (Goyal et al. 2017, §2.2)."""
    count = max(1, int(steps) // WARM_UP_SHARE) if steps.isdigit() else f"max(1, {steps} // {WARM_UP_SHARE})"
    return f"{SCHEDULERS}.LinearLR({optimizer}, 0.01, 1.0, total_iters={count})"


CONSTANT = "constant"
LINEAR = "linear"
SCHEDULES = {
    CONSTANT: Schedule("a constant learning rate"),
    LINEAR: Schedule("linear decay", "decay", _linear),
    "cosine": Schedule("cosine decay", "decay", _cosine),
    "one-cycle": Schedule("one cycle", "cycle", _one_cycle),
    "warm-up": Schedule("a warm-up", "warmup", _warm_up),
}


def find_schedule(name: str) -> str:
    """Return the name of a schedule as it is in `SCHEDULES`. Raises `UsageError` if there is no such schedule."""
    plain = {known.replace("-", ""): known for known in SCHEDULES}
    text = name.strip().lower().replace("-", "").replace("_", "")
    if text in plain:
        return plain[text]
    close = [plain[match] for match in get_close_matches(text, plain, 1)]
    hint = f"did you mean {close[0]}?" if close else f"the schedules are {', '.join(SCHEDULES)}"
    raise UsageError(f"there is no schedule {shortened(name)}; {hint}")


def set_schedule(script: Script, record: Record, key: str, name: str, *, has_schedule: bool) -> Script:
    """Return the script with a schedule of the optimizer number `key` over all steps of the run.

    has_schedule: whether the script has its own schedule, which is removed. Raises `NotApplicable` if that is
    impossible.
    """
    if has_schedule:
        script = constant_rate(script, record, SchedulerArguments())
    schedule = SCHEDULES[name]
    write = schedule.write
    if write is None:
        return script
    return insert_schedule(
        script, record, key, schedule.variable, lambda optimizer, steps: write(optimizer, steps or str(record.steps))
    )
