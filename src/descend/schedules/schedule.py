"""A schedule: what a hyper-parameter is multiplied by, as a function of the step.

A schedule knows nothing of optimizers. It is a function of the number of the step, 0, 1, 2, …, and so it drives a
learning rate, a momentum, the f(t) of a sign rule or the size of a batch alike; it resumes anywhere, since it
remembers nothing; and it can be drawn before it is used.

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

from descend.ground.keywords import check_keywords


class _ConstructorSignature:
    """The signature of the fields: `help` and `inspect` would show that of `__new__`."""

    def __get__(self, instance: object, owner: type) -> Signature:
        parameters = list(signature(vars(owner).get("__init__", object.__init__)).parameters.values())
        return Signature(parameters[1:])


@dataclass(frozen=True)
class Schedule(ABC):
    """A function of the step, counted from 0. One of your own is a frozen dataclass with a `factor`.

    Numbers of steps are whole and at least 1, other numbers finite and at least 0: `ValueError` says which is not.
    """

    __signature__: ClassVar[_ConstructorSignature] = _ConstructorSignature()

    def __new__(cls, *args: Any, **kwargs: Any) -> "Schedule":
        """Raise `TypeError` for a keyword argument that the schedule does not take."""
        check_keywords(cls.__name__, kwargs, [field.name for field in fields(cls)])
        return super().__new__(cls)

    def __post_init__(self) -> None:
        """Raise `TypeError` or `ValueError` for the first field that is out of range."""
        for field in fields(self):
            check(type(self).__name__, field.name, getattr(self, field.name), is_count=field.type in (int, "int"))

    def __call__(self, step: int) -> float:
        """Return the factor of a step. Raises `ValueError` for a step before the first."""
        if step < 0:
            raise ValueError(f"{type(self).__name__}: steps count from 0, so there is no step {step}")
        return self.factor(step)

    @abstractmethod
    def factor(self, t: int) -> float:
        """Return the factor of step `t`."""

    @property
    def has_cycles(self) -> bool:
        """Whether it falls and begins again, so that `ends_at` can be true."""
        return False

    def ends_at(self, t: int) -> bool:
        """Whether step `t` is the last one of a cycle, where the factor is least."""
        return False

    def then(self, schedule: "Schedule", after: int) -> "Schedule":
        """Return the schedule that follows this one for `after` steps and then another, which begins at its step 0."""
        return Then(self, schedule, after)

    def after_warmup(self, steps: int, start: float = 0.0) -> "Schedule":
        """Return this schedule behind a linear warm-up from `start` (Goyal et al. 2017, §2.2); 0 steps: no warm-up."""
        return Warmup(steps, start).then(self, steps) if steps else self

    def rewarmed(self, at: int, steps: int) -> "Schedule":
        """Return this schedule, warmed up again over `steps` from step `at`: a warm start needs a rate of its own."""
        return Rewarmed(self, at, steps)


@dataclass(frozen=True)
class Constant(Schedule):
    """The same at every step."""

    value: float = 1.0

    def factor(self, t: int) -> float:
        """Return the constant."""
        return self.value


@dataclass(frozen=True)
class Warmup(Schedule):
    """From `start` to 1 over `steps`, and 1 from then on; the first step already moves (Goyal et al. 2017, §2.2)."""

    steps: int
    start: float = 0.0

    def factor(self, t: int) -> float:
        """Return start + (1 − start)(t + 1)/steps, at most 1."""
        return self.start + (1 - self.start) * min((t + 1) / self.steps, 1.0)


@dataclass(frozen=True)
class Then(Schedule):
    """One schedule for `after` steps, then another from its beginning."""

    first: Schedule
    second: Schedule
    after: int

    def factor(self, t: int) -> float:
        """Return the factor of the schedule whose turn it is."""
        return self.first(t) if t < self.after else self.second(t - self.after)

    @property
    def has_cycles(self) -> bool:
        """Whether one of the two has."""
        return self.first.has_cycles or self.second.has_cycles

    def ends_at(self, t: int) -> bool:
        """Whether a cycle of the schedule whose turn it is ends."""
        return self.first.ends_at(t) if t < self.after else self.second.ends_at(t - self.after)


@dataclass(frozen=True)
class Rewarmed(Schedule):
    """A schedule that rises again from 0 over `steps` at step `at`, where training is resumed."""

    schedule: Schedule
    at: int
    steps: int

    def factor(self, t: int) -> float:
        """Return the schedule's factor, times the warm-up's from step `at` on."""
        return self.schedule(t) * (Warmup(self.steps)(t - self.at) if t >= self.at else 1.0)

    @property
    def has_cycles(self) -> bool:
        """Whether the schedule has."""
        return self.schedule.has_cycles

    def ends_at(self, t: int) -> bool:
        """Whether a cycle of the schedule ends."""
        return self.schedule.ends_at(t)


def check(name: str, field: str, value: Any, *, is_count: bool) -> None:
    """Raise `TypeError` for what is no number, `ValueError` for one that is out of range, by name and value."""
    if isinstance(value, Schedule):
        return
    if is_count:
        if not isinstance(value, Integral) or isinstance(value, bool):
            raise TypeError(f"{name}: {field} must be a whole number of steps, not {value!r}")
        if value < 1:
            raise ValueError(f"{name}: {field} must be at least 1, not {value}")
        return
    if not isinstance(value, Real):
        raise TypeError(f"{name}: {field} must be a number, not {value!r}")
    if not 0 <= float(value) < math.inf:
        raise ValueError(f"{name}: {field} must be a finite number of at least 0, not {value}")
