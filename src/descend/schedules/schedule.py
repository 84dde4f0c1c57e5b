"""A schedule: the factor of a hyper-parameter as a function of the step.

A schedule is independent of optimizers. It is a pure function of the step 0, 1, 2, …, so it can control a learning
rate, a momentum, the f(t) of a sign-based rule or a batch size. It has no state, so it can resume at any step and
can be plotted before it is used.

    schedule = Cosine(total_steps=1000).after_warmup(50)
    [schedule(step) for step in range(1050)]
    scheduler = Scheduler(optimizer, lr=schedule)
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from inspect import Signature, signature
from numbers import Integral, Real
from typing import Any, ClassVar

from torch.optim import Optimizer

from descend.core.keywords import check_keywords


class _ConstructorSignature:
    """A descriptor that makes `help` and `inspect` show a schedule's fields instead of the signature of `__new__`."""

    def __get__(self, instance: object, owner: type) -> Signature:
        parameters = list(signature(vars(owner).get("__init__", object.__init__)).parameters.values())
        return Signature(parameters[1:])


@dataclass(frozen=True)
class Schedule(ABC):
    """Base class of schedules: a factor of a hyper-parameter as a function of the step, counted from 0.

    A subclass is a frozen dataclass with a `factor` method. Numbers of steps must be integers of at least 1, other
    numbers finite and at least 0. Raises `ValueError` for numbers out of range.
    """

    __signature__: ClassVar[_ConstructorSignature] = _ConstructorSignature()

    def __new__(cls, *args: Any, **kwargs: Any) -> "Schedule":
        """Return a new schedule. Raises `TypeError` for an optimizer, and for a keyword that the schedule lacks."""
        if any(isinstance(value, Optimizer) for value in (*args, *kwargs.values())):
            first = f"{fields(cls)[0].name}=…" if fields(cls) else ""
            how = f"write Scheduler(optimizer, lr={cls.__name__}({first}))"
            raise TypeError(f"{cls.__name__} is a function of the step and takes no optimizer: {how}")
        check_keywords(cls.__name__, kwargs, [field.name for field in fields(cls)])
        return super().__new__(cls)

    def __post_init__(self) -> None:
        """Raise `TypeError` or `ValueError` for the first field that is out of range."""
        for field in fields(self):
            check_field(type(self).__name__, field.name, getattr(self, field.name), is_count=field.type in (int, "int"))

    def __call__(self, step: int) -> float:
        """Return the factor of a step. Raises `ValueError` for a negative step."""
        if step < 0:
            raise ValueError(f"{type(self).__name__}: steps are counted from 0, so there is no step {step}")
        return self.factor(step)

    @abstractmethod
    def factor(self, t: int) -> float:
        """Return the factor of step `t`, by which the initial value of the hyper-parameter is multiplied."""

    @property
    def has_cycles(self) -> bool:
        """Whether the schedule consists of cycles, as `WarmRestarts` does. If not, `ends_at` is always False."""
        return False

    def ends_at(self, t: int) -> bool:
        """Return whether step `t` is the last step of a cycle, where the factor is smallest."""
        return False

    def then(self, schedule: "Schedule", after: int) -> "Schedule":
        """Return a schedule that follows this one for `after` steps, and then `schedule` from its own step 0."""
        return Then(self, schedule, after)

    def after_warmup(self, steps: int, start: float = 0.0) -> "Schedule":
        """Return this schedule after a linear warm-up of `steps` steps from `start` (Goyal et al. 2017, §2.2)."""
        return Warmup(steps, start).then(self, steps) if steps else self

    def rewarmed(self, at: int, steps: int) -> "Schedule":
        """Return this schedule with a second warm-up, of `steps` steps from step `at`, for a resumed training run."""
        return Rewarmed(self, at, steps)


@dataclass(frozen=True)
class Constant(Schedule):
    """A schedule with the same factor, `value`, at every step.

    Parameters
    ----------
    value : float
        The factor at every step.
    """

    value: float = 1.0

    def factor(self, t: int) -> float:
        """Return the factor of step `t`, which is `value` at every step."""
        return self.value


@dataclass(frozen=True)
class Warmup(Schedule):
    """A linear rise of the factor from `start` to 1 over `steps` steps, then 1 (Goyal et al. 2017, §2.2).

    Parameters
    ----------
    steps : int
        The number of steps in which the factor rises.
    start : float
        The factor from which it rises.
    """

    steps: int
    start: float = 0.0

    def factor(self, t: int) -> float:
        """Return the factor of step `t`: start + (1 − start)·(t + 1)/steps, at most 1."""
        return self.start + (1 - self.start) * min((t + 1) / self.steps, 1.0)


@dataclass(frozen=True)
class Then(Schedule):
    """A schedule that follows `first` for `after` steps, and then `second` from its own step 0."""

    first: Schedule
    second: Schedule
    after: int

    def factor(self, t: int) -> float:
        """Return the factor of step `t` in the schedule that is active at this step, `first` or `second`."""
        return self.first(t) if t < self.after else self.second(t - self.after)

    @property
    def has_cycles(self) -> bool:
        """Whether the first or the second schedule has cycles."""
        return self.first.has_cycles or self.second.has_cycles

    def ends_at(self, t: int) -> bool:
        """Return whether step `t` is the last step of a cycle in the active schedule, which is `first` or `second`."""
        return self.first.ends_at(t) if t < self.after else self.second.ends_at(t - self.after)


@dataclass(frozen=True)
class Rewarmed(Schedule):
    """A schedule with a second warm-up from 0 to its full value, over `steps` steps from step `at`."""

    schedule: Schedule
    at: int
    steps: int

    def factor(self, t: int) -> float:
        """Return the factor of step `t`: that of the schedule, times that of a warm-up that starts at step `at`."""
        return self.schedule(t) * (Warmup(self.steps)(t - self.at) if t >= self.at else 1.0)

    @property
    def has_cycles(self) -> bool:
        """Whether the schedule that gets a second warm-up has cycles."""
        return self.schedule.has_cycles

    def ends_at(self, t: int) -> bool:
        """Return whether a cycle of the schedule that gets a second warm-up ends at step `t`."""
        return self.schedule.ends_at(t)


def check_field(name: str, field: str, value: Any, *, is_count: bool) -> None:
    """Raise `TypeError` if the value of a schedule's field is not a number, and `ValueError` if it is out of range."""
    if isinstance(value, Schedule):
        return
    if is_count:
        if not isinstance(value, Integral) or isinstance(value, bool):
            raise TypeError(f"{name}: {field} must be an integer number of steps, not {value!r}")
        if value < 1:
            raise ValueError(f"{name}: {field} must be at least 1, not {value}")
        return
    if not isinstance(value, Real):
        raise TypeError(f"{name}: {field} must be a number, not {value!r}")
    if not 0 <= float(value) < math.inf:
        raise ValueError(f"{name}: {field} must be a finite number of at least 0, not {value}")
