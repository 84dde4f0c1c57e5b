"""A limit that a decision depends on, with its unit and the reason for its value."""

from typing import Any, Self


class _LimitWithReason:
    """Base class of `Bound` and `Count`: a number that also stores its unit and the reason for its value."""

    unit: str  # the unit of the value, for example "steps", "nats" or "share of the units"
    why: str  # the reason for the value: a paper with year and section, a convention, or an argument

    def __new__(cls, value: float, unit: str, why: str) -> Self:
        """Return the number with its unit and reason. Raises `ValueError` if one of these is empty."""
        if not unit.strip() or not why.strip():
            raise ValueError(f"{cls.__name__}({value}) needs a unit and a reason")
        made = super().__new__(cls, value)  # type: ignore[call-arg]
        made.unit, made.why = unit, why
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (+self, self.unit, self.why)  # type: ignore[operator]


class Bound(_LimitWithReason, float):
    """A limit that is a real number and stores its unit and a reason. Arithmetic with it returns a plain float."""


class Count(_LimitWithReason, int):
    """A limit that is an integer and stores its unit and a reason. Arithmetic with it returns a plain int."""
