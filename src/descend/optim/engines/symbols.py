"""A rule evaluated on symbols instead of numbers: the expression that it computes, as a graph.

What depends on hyper-parameters and the step's number alone is a scalar: it is computed once a step, in double
precision, and not once an element.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from descend.optim.rule import Rule


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

    def __mod__(self, other: Any) -> "Symbol":
        return Symbol("%", self, other)

    def __neg__(self) -> "Symbol":
        return Symbol("-", 0.0, self)

    def __abs__(self) -> "Symbol":
        return Symbol("abs", self)

    def __lt__(self, other: Any) -> "Symbol":
        return Symbol("<", self, other)

    def __gt__(self, other: Any) -> "Symbol":
        return Symbol(">", self, other)

    def sign(self) -> "Symbol":
        """Return the sign of self."""
        return Symbol("sign", self)

    def cos(self) -> "Symbol":
        """Return the cosine of self."""
        return Symbol("cos", self)

    def norm(self) -> "Symbol":
        """Return the Euclidean norm over the tensor that self is an element of."""
        return Symbol("norm", self)

    def maximum(self, other: Any) -> "Symbol":
        """Return the larger of self and another."""
        return Symbol("maximum", self, other)

    def where(self, x: Any, y: Any) -> "Symbol":
        """Return x where self holds and y elsewhere."""
        return Symbol("where", self, x, y)

    def __bool__(self) -> bool:
        raise TypeError("a rule cannot branch on a number: write where(condition, x, y)")


class NotTraceable(Exception):
    """A rule says what the compiler does not know: it is run as it is written, on whole tensors."""

    numbers = ()
    is_elementwise = False


@dataclass(frozen=True)
class Trace:
    """What a rule computes: its step and its new state, which of the state is a number, and whether it takes a norm."""

    step: Any
    state: tuple[Any, ...]
    numbers: tuple[str, ...]  # the state that is one number for the whole tensor

    @cached_property
    def norms(self) -> list[Symbol]:
        """The norms that the rule takes, each after those that it needs."""
        return norms_in([self.step, *self.state])

    @property
    def is_elementwise(self) -> bool:
        """Whether an element's step is the same whatever the others are."""
        return not self.norms


@cache
def trace(rule: Rule) -> Trace | NotTraceable:
    """Return what a rule computes, or why that cannot be told.

    A state is a number if its new value depends on numbers alone: it is taken to be one until that is contradicted.
    """
    numbers = set(rule.state)
    while True:
        try:
            step, *state = _evaluated(rule.function, rule.state, numbers, rule.hyper)
        except Exception as error:  # whatever the user's function raises when it is not given numbers
            return NotTraceable(f"the rule cannot be compiled: {error}")
        if len(state) != len(rule.state):
            return NotTraceable(f"the rule returns {len(state)} states and takes {len(rule.state)}")
        arrays = {name for name, new in zip(rule.state, state) if isinstance(new, Symbol) and not new.is_scalar}
        if not arrays & numbers:
            return Trace(step, tuple(state), tuple(name for name in rule.state if name in numbers))
        numbers -= arrays


def _evaluated(
    function: Callable[..., Any], state: Iterable[str], numbers: set[str], hyper: Sequence[str]
) -> tuple[Any, ...]:
    given = [Symbol("theta", is_scalar=False), Symbol("g", is_scalar=False), Symbol("t", is_scalar=True)]
    held = [Symbol(name, is_scalar=name in numbers) for name in state]
    result: tuple[Any, ...] = function(*given, *held, **{name: Symbol(name, is_scalar=True) for name in hyper})
    return result


def norms_in(values: Iterable[Any]) -> list[Symbol]:
    """Return the norms in some expressions, each after those in its argument."""
    found: dict[Symbol, None] = {}
    seen: set[Symbol] = set()

    def visit(value: Any) -> None:
        if isinstance(value, Symbol) and value not in seen:
            seen.add(value)
            for argument in value.args:
                visit(argument)
            if value.op == "norm" and not value.is_scalar:
                found[value] = None

    for value in values:
        visit(value)
    return list(found)
