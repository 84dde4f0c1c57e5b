"""Symbolic evaluation of an update rule, which yields the expression that it computes, as a graph.

A subexpression that depends only on hyper-parameters and the step number is a scalar. It is computed once per step, in
double precision, and not for every element.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from descend.optim.rule import Rule


class Symbol:
    """A node of an expression graph: an operation on other symbols, or a variable if it has no arguments."""

    __slots__ = ("args", "is_scalar", "op")

    def __init__(self, op: str, *args: Any, is_scalar: bool | None = None) -> None:
        self.op: str = op
        self.args: tuple[Any, ...] = args
        has_scalar_arguments = all(not isinstance(a, Symbol) or a.is_scalar for a in args)
        self.is_scalar: bool = has_scalar_arguments if is_scalar is None else is_scalar

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
        """Return a symbol for the sign of each element of `self`."""
        return Symbol("sign", self)

    def cos(self) -> "Symbol":
        """Return a symbol for the cosine of each element of `self`."""
        return Symbol("cos", self)

    def norm(self) -> "Symbol":
        """Return a symbol for the Euclidean norm of the whole tensor."""
        return Symbol("norm", self)

    def maximum(self, other: Any) -> "Symbol":
        """Return a symbol for the larger of `self` and `other`, element by element."""
        return Symbol("maximum", self, other)

    def where(self, x: Any, y: Any) -> "Symbol":
        """Return a symbol for x where `self` is true and y elsewhere, element by element."""
        return Symbol("where", self, x, y)

    def __bool__(self) -> bool:
        raise TypeError("an update rule cannot branch on a number. Use where(condition, x, y)")


class NotTraceable(Exception):
    """The update rule has operations that cannot be compiled, so it must run with torch operations on whole tensors."""

    numbers = ()
    is_elementwise = False


@dataclass(frozen=True)
class Trace:
    """The expressions with which an update rule computes its step and its new states."""

    step: Any
    state: tuple[Any, ...]
    numbers: tuple[str, ...]  # names of the scalar states: one number per parameter

    @cached_property
    def norms(self) -> list[Symbol]:
        """Return the tensor norms in the update rule's expressions, inner norms first."""
        return find_norms([self.step, *self.state])

    @property
    def is_elementwise(self) -> bool:
        """Return whether the step of each element is independent of the tensor's other elements."""
        return not self.norms


@cache
def trace(rule: Rule) -> Trace | NotTraceable:
    """Return the expressions that an update rule computes, or the error that prevents their construction.

    A state is a number if its new value depends on numbers only. Initially all states are assumed to be numbers; the
    rule is evaluated again without those whose new value is a tensor. A state that the rule returns unchanged is a
    tensor that the optimizer updates between steps. Raises `TypeError` if the rule does not return a step and all its
    states.
    """
    numbers = set(rule.state)
    while True:
        try:
            result = _evaluate_on_symbols(rule.function, rule.state, numbers, rule.hyper)
        except Exception as error:  # a user's function may raise any error when its arguments are symbols
            return NotTraceable(f"the update rule cannot be compiled: {error}")
        step, *state = rule.split(result)
        arrays = {
            name
            for name, new in zip(rule.state, state)
            if isinstance(new, Symbol) and (not new.is_scalar or is_variable(new, name))
        }
        if not arrays & numbers:
            return Trace(step, tuple(state), tuple(name for name in rule.state if name in numbers))
        numbers -= arrays


def is_variable(value: Any, name: str) -> bool:
    """Return whether an expression is just the variable called `name`."""
    return isinstance(value, Symbol) and not value.args and value.op == name


def _evaluate_on_symbols(
    function: Callable[..., Any], state: Iterable[str], numbers: set[str], hyper: Sequence[str]
) -> Any:
    """Call an update rule's function with symbols, and return its result: normally the step and the new states."""
    arguments = [Symbol("theta", is_scalar=False), Symbol("g", is_scalar=False), Symbol("t", is_scalar=True)]
    states = [Symbol(name, is_scalar=name in numbers) for name in state]
    return function(*arguments, *states, **{name: Symbol(name, is_scalar=True) for name in hyper})


def find_norms(values: Iterable[Any]) -> list[Symbol]:
    """Return the tensor norms in some expressions, inner norms first."""
    found: dict[Symbol, None] = {}
    seen: set[Symbol] = set()

    def collect_norms(value: Any) -> None:
        """Add the tensor norms in one expression to `found`, inner norms first."""
        if isinstance(value, Symbol) and value not in seen:
            seen.add(value)
            for argument in value.args:
                collect_norms(argument)
            if value.op == "norm" and not value.is_scalar:
                found[value] = None

    for value in values:
        collect_norms(value)
    return list(found)
