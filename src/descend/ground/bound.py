"""A number that a decision hangs on, with what it is a number of and why it is that number and no other."""

from typing import Any, Self


class _Reasoned:
    """What bounds of both kinds share: a number of Python's own type, its unit and its reason."""

    unit: str  # what it is a number of: "of a layer's units", "steps", "nats"
    why: str  # the paper with its year and section, the convention, or the plain reason

    def __new__(cls, value: float, unit: str, why: str) -> Self:
        """Raise `ValueError` where the unit or the reason is not said."""
        if not unit.strip() or not why.strip():
            raise ValueError(f"{cls.__name__}({value}) needs a unit and a reason")
        made = super().__new__(cls, value)  # type: ignore[call-arg]
        made.unit, made.why = unit, why
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (+self, self.unit, self.why)  # type: ignore[operator]


class Bound(_Reasoned, float):
    """A real bound; what is computed with it is a plain float."""


class Count(_Reasoned, int):
    """A whole bound, of steps, units, examples; what is computed with it is a plain int."""
