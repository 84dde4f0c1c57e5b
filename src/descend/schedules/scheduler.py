"""A torch learning rate scheduler that applies schedules to any hyper-parameters of an optimizer."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

Factor = Callable[[int], float]
USAGE = "write Scheduler(optimizer, lr=Cosine(total_steps=1000))"
INITIAL = "initial_{}"  # key in a parameter group under which torch stores the initial value of a hyper-parameter


class Scheduler(LRScheduler):
    """Sets hyper-parameters (`lr`, `momentum` or any other number) to their initial value times a schedule.

    `momentum` is the first of `betas` where the optimizer has these, as in torch's own cyclic schedulers. Call `step()`
    after each `optimizer.step()`. A schedule is one of this package or any function of the step. Checkpoints store the
    step and the initial values, but not the schedules, which the script constructs.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        The optimizer whose hyper-parameters are set.
    *unnamed
        Not used: a schedule needs the name of its hyper-parameter. A positional schedule raises `TypeError`.
    last_epoch : int
        The last finished step; −1 at the start of a training.
    **schedules
        The schedule of each hyper-parameter, such as `lr=Cosine(total_steps=1000)`.

    Raises
    ------
    TypeError
        If there is no optimizer, or a schedule is not callable or has no name.
    ValueError
        If no schedule is given, or the optimizer does not have the hyper-parameter.

    Examples
    --------
    >>> scheduler = Scheduler(optimizer, lr=Cosine(total_steps=1000).after_warmup(50), momentum=Constant())
    """

    def __init__(self, optimizer: Optimizer, *unnamed: Any, last_epoch: int = -1, **schedules: Factor) -> None:
        if not isinstance(optimizer, Optimizer):
            kind = type(optimizer).__name__
            raise TypeError(f"Scheduler: the first argument must be a torch.optim.Optimizer, not {kind}; {USAGE}")
        if unnamed:
            kind = type(unnamed[0]).__name__
            raise TypeError(f"Scheduler: name the hyper-parameter that the {kind} sets; {USAGE}")
        if not schedules:
            raise ValueError("Scheduler: name a hyper-parameter and its schedule, such as lr=Cosine(total_steps=1000)")
        for name, schedule in schedules.items():
            if not callable(schedule):
                raise TypeError(f"Scheduler: {name} must be a schedule or a function of the step, not {schedule!r}")
            for group in optimizer.param_groups:
                value = _hyper_parameter(group, name)
                if last_epoch == -1:
                    group.setdefault(INITIAL.format(name), value.clone() if isinstance(value, Tensor) else value)
        self.schedules = schedules
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        """Return the scheduled learning rate of each parameter group, and set the other scheduled hyper-parameters.

        torch calls this at every step, so the other hyper-parameters are set here, too.
        """
        for name, schedule in self.schedules.items():
            if name != "lr":
                factor = float(schedule(self.last_epoch))
                for group in self.optimizer.param_groups:
                    _set_hyper_parameter(group, name, group[INITIAL.format(name)] * factor)
        groups = self.optimizer.param_groups
        if "lr" not in self.schedules:
            return [group["lr"] for group in groups]
        factor = float(self.schedules["lr"](self.last_epoch))
        return [group["initial_lr"] * factor for group in groups]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the step from a checkpoint, and set the hyper-parameters to their scheduled values at that step.

        Load the optimizer's state first, since it contains learning rates of the schedules that were used before.
        """
        super().load_state_dict(state_dict)
        for group, rate in zip(self.optimizer.param_groups, self.get_lr()):
            if rate is not group["lr"]:
                _set_hyper_parameter(group, "lr", rate)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of torch's base class, such as the current step, without the schedules."""
        return {name: value for name, value in super().state_dict().items() if name != "schedules"}


def _hyper_parameter(group: dict[str, Any], name: str) -> Any:
    """Return a hyper-parameter of a parameter group; for `momentum`, this may be the first of `betas`.

    Raises `ValueError` if the hyper-parameter is missing or not a number.
    """
    is_beta = name == "momentum" and "momentum" not in group and "betas" in group
    value = group["betas"][0] if is_beta else group.get(name)
    if value is None or isinstance(value, bool) or not isinstance(value, int | float | Tensor):
        numbers = sorted(n for n, v in group.items() if type(v) in (int, float) and not n.startswith("initial_"))
        has = f"its numeric ones are {', '.join(numbers)}" if numbers else "it has none"
        raise ValueError(f"Scheduler: the optimizer has no numeric hyper-parameter {name}; {has}")
    return value


def _set_hyper_parameter(group: dict[str, Any], name: str, value: Any) -> None:
    """Set a hyper-parameter of a parameter group; for `momentum`, set the first of `betas` if there is no momentum."""
    if name == "momentum" and "momentum" not in group:
        group["betas"] = (value, *group["betas"][1:])
    elif isinstance(group[name], Tensor):
        group[name].fill_(value)
    else:
        group[name] = value
