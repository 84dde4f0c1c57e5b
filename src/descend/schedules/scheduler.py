"""An optimizer's hyper-parameters, driven by schedules, as one of torch's learning-rate schedulers."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

Factor = Callable[[int], float]
INITIAL = "initial_{}"  # torch's name for what a group began with


class Scheduler(LRScheduler):
    """Sets hyper-parameters to what they began with, times their schedules: `lr`, `momentum`, or any other number.

    `momentum` is the first of `betas` where a rule has these, as in torch's own cyclic schedulers. Call `step()`
    after each `optimizer.step()`. A schedule is one of this package, or any function of the step. Checkpoints hold
    the step and where the groups began, not the schedules: those are the script's.

    Raises `ValueError` for a hyper-parameter that the optimizer lacks, naming those that it has.

    >>> scheduler = Scheduler(optimizer, lr=Cosine(total_steps=1000).after_warmup(50), momentum=Constant())
    """

    def __init__(self, optimizer: Optimizer, *, last_epoch: int = -1, **schedules: Factor) -> None:
        if not schedules:
            raise ValueError("Scheduler: name what to drive, such as lr=Cosine(total_steps=1000)")
        for name, schedule in schedules.items():
            if not callable(schedule):
                raise TypeError(f"Scheduler: {name} must be a schedule, a function of the step, not {schedule!r}")
            for group in optimizer.param_groups:
                value = _read(group, name)
                if last_epoch == -1:
                    group.setdefault(INITIAL.format(name), value.clone() if isinstance(value, Tensor) else value)
        self.schedules = schedules
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        """Set what is driven besides, and return the rate of each group: every way to a step asks for it."""
        for name, schedule in self.schedules.items():
            if name != "lr":
                factor = float(schedule(self.last_epoch))
                for group in self.optimizer.param_groups:
                    _write(group, name, group[INITIAL.format(name)] * factor)
        groups = self.optimizer.param_groups
        if "lr" not in self.schedules:
            return [group["lr"] for group in groups]
        factor = float(self.schedules["lr"](self.last_epoch))
        return [group["initial_lr"] * factor for group in groups]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take a checkpoint's step; the groups get what the schedules, which may be others now, say of it.

        Load the optimizer's own state before it: that comes with the rates of the schedules before.
        """
        super().load_state_dict(state_dict)
        for group, rate in zip(self.optimizer.param_groups, self.get_lr()):
            if rate is not group["lr"]:
                _write(group, "lr", rate)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs: numbers alone."""
        return {name: value for name, value in super().state_dict().items() if name != "schedules"}


def _read(group: dict[str, Any], name: str) -> Any:
    is_beta = name == "momentum" and "momentum" not in group and "betas" in group
    value = group["betas"][0] if is_beta else group.get(name)
    if value is None or isinstance(value, bool) or not isinstance(value, int | float | Tensor):
        numbers = sorted(n for n, v in group.items() if type(v) in (int, float) and not n.startswith("initial_"))
        has = f"its numbers are {', '.join(numbers)}" if numbers else "it has none"
        raise ValueError(f"Scheduler: the optimizer has no number {name}; {has}")
    return value


def _write(group: dict[str, Any], name: str, value: Any) -> None:
    if name == "momentum" and "momentum" not in group:
        group["betas"] = (value, *group["betas"][1:])
    elif isinstance(group[name], Tensor):
        group[name].fill_(value)
    else:
        group[name] = value
