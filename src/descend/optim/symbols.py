"""A rule evaluated on symbols instead of numbers: the expression that it computes, as a graph.

What depends on hyper-parameters and the step's number alone is a scalar: it is computed once a step, in double
precision, and not once an element.
"""

from collections.abc import Callable, Sequence
from typing import Any


class Symbol:
    """A node of the expression: an operation on other symbols, or (without arguments) a name."""

    __slots__ = ("args", "is_scalar", "op")

    def __init__(self, op: str, *args: Any, is_scalar: bool | None = None) -> None:
        self.op: str = op
        self.args: tuple[Any, ...] = args
        known = all(not isinstance(a, Symbol) or a.is_scalar for a in args)
        self.is_scalar: bool = known if is_scalar is None else is_scalar

    def __add__(self, other: Any) -> "Symbol":
        return Symbol("+", self, other)

    def __radd__(self, other: Any) -> "Symbol":
        return Symbol("+", other, self)

    def __sub__(self, other: Any) -> "Symbol":
        return Symbol("-", self, other)

    def __rsub__(self, other: Any) -> "Symbol":
        return Symbol("-", other, self)

    def __mul__(self, other: Any) -> "Symbol":
        return Symbol("*", self, other)

    def __rmul__(self, other: Any) -> "Symbol":
        return Symbol("*", other, self)

    def __truediv__(self, other: Any) -> "Symbol":
        return Symbol("/", self, other)

    def __rtruediv__(self, other: Any) -> "Symbol":
        return Symbol("/", other, self)

    def __pow__(self, other: Any) -> "Symbol":
        return Symbol("**", self, other)

    def __rpow__(self, other: Any) -> "Symbol":
        return Symbol("**", other, self)

    def __neg__(self) -> "Symbol":
        return Symbol("-", 0.0, self)

    def __abs__(self) -> "Symbol":
        return self.abs()

    def __lt__(self, other: Any) -> "Symbol":
        return Symbol("<", self, other)

    def __gt__(self, other: Any) -> "Symbol":
        return Symbol(">", self, other)

    def abs(self) -> "Symbol":
        """Return |self|."""
        return Symbol("abs", self)

    def sign(self) -> "Symbol":
        """Return the sign of self."""
        return Symbol("sign", self)

    def maximum(self, other: Any) -> "Symbol":
        """Return the larger of self and another."""
        return Symbol("maximum", self, other)

    def where(self, x: Any, y: Any) -> "Symbol":
        """Return x where self holds and y elsewhere."""
        return Symbol("where", self, x, y)

    def __bool__(self) -> bool:
        raise TypeError("a rule cannot branch on a number: write where(condition, x, y)")


def trace(function: Callable[..., Any], state: Sequence[str], hyper: Sequence[str]) -> list[Any]:
    """Return what a rule's function returns for symbols: the step and the new state."""
    given = [Symbol("theta", is_scalar=False), Symbol("g", is_scalar=False), Symbol("t", is_scalar=True)]
    held = [Symbol(name, is_scalar=False) for name in state]
    result = function(*given, *held, **{name: Symbol(name, is_scalar=True) for name in hyper})
    return list(result) if isinstance(result, tuple) else [result]
