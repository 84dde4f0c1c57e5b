"""Expressions of update rules: what a step of the learning rate 1 subtracts from the parameters.

The symbols are those of Bello et al. 2017, §3.1, as far as an optimizer of `descend.optim` can compute them: the
gradient and its running means, their signs, decays, constants, and unary and binary functions.
"""

import ast
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

LEAVES = {
    "g": "the gradient",
    "m": "the running mean of the gradient, with the decay factor 0.9",
    "v": "the running mean of the squared gradient, with the decay factor 0.99, corrected for its start at 0",
    "d": "the decay 1/√t, where t is the number of the step",
    "1": "the number 1",
    "2": "the number 2",
}
UNARY = {
    "neg": "−x",
    "sign": "the sign of x",
    "abs": "|x|",
    "sqrt": "√|x|",
    "square": "x²",
    "exp": "eˣ",
}
BINARY = {"+": "x + y", "-": "x − y", "*": "x·y", "/": "x/y, with a small number added to y"}
SYMBOLS = {**LEAVES, **UNARY, **BINARY}
PROXIES = ("digits", "table")  # the tasks on which a search trains its rules
LONGEST = 10  # symbols of an expression; AddSign has 9


@dataclass(frozen=True)
class Expression:
    """A symbol with its arguments."""

    symbol: str
    arguments: tuple["Expression", ...] = ()

    @cached_property
    def size(self) -> int:
        """The number of symbols."""
        return 1 + sum(argument.size for argument in self.arguments)

    def __str__(self) -> str:
        return " ".join(self.prefix)

    @property
    def prefix(self) -> tuple[str, ...]:
        """The symbols in prefix order, from which `read_prefix` makes the expression again."""
        return (self.symbol, *(symbol for argument in self.arguments for symbol in argument.prefix))

    @property
    def formula(self) -> str:
        """The expression as Python, in terms of `g`, `m`, `v`, `t` and the functions of an update rule."""
        return ast.unparse(ast.parse(self._formula, mode="eval"))  # which leaves out needless parentheses

    @property
    def _formula(self) -> str:
        """The expression as Python, with each part in parentheses."""
        parts = [argument._formula for argument in self.arguments]
        match self.symbol:
            case "d":
                return "(t**-0.5)"
            case "neg":
                return f"(-{parts[0]})"
            case "sqrt":
                return f"(abs({parts[0]})**0.5)"
            case "square":
                return f"({parts[0]}**2)"
            case "exp":
                return f"(e**{parts[0]})"
            case "/":
                return f"({parts[0]} / ({parts[1]} + eps))"
            case "+" | "-" | "*":
                return f"({parts[0]} {self.symbol} {parts[1]})"
        return f"{self.symbol}({parts[0]})" if parts else self.symbol

    @property
    def positions(self) -> Iterator[tuple[tuple[int, ...], "Expression"]]:
        """Yield each part of the expression with the path to it: the numbers of the arguments."""
        yield (), self
        for number, argument in enumerate(self.arguments):
            for path, part in argument.positions:
                yield (number, *path), part

    def replaced(self, path: Sequence[int], part: "Expression") -> "Expression":
        """Return the expression with another part at a path."""
        if not path:
            return part
        number, *rest = path
        arguments = list(self.arguments)
        arguments[number] = arguments[number].replaced(rest, part)
        return Expression(self.symbol, tuple(arguments))


def argument_count(symbol: str) -> int:
    """Return how many arguments a symbol has."""
    return 2 if symbol in BINARY else 1 if symbol in UNARY else 0


def read_prefix(symbols: Sequence[str]) -> Expression:
    """Return the expression with these symbols in prefix order. Raise `ValueError` if they are no expression."""
    waiting = iter(symbols)

    def read() -> Expression:
        symbol = next(waiting, None)
        if symbol not in SYMBOLS:
            raise ValueError(f"{' '.join(symbols)!r} is not an expression")
        return Expression(symbol, tuple(read() for _ in range(argument_count(symbol))))

    found = read()
    if next(waiting, None) is not None:
        raise ValueError(f"{' '.join(symbols)!r} is more than one expression")
    return found


def random_expression(draws: random.Random, symbols: Sequence[str], longest: int = LONGEST) -> Expression:
    """Return a random expression of at most `longest` symbols. Each symbol that fits is equally probable."""
    return _grow(draws, symbols, longest)


def _grow(draws: random.Random, symbols: Sequence[str], most: int) -> Expression:
    """Return a random expression of at most `most` symbols."""
    fitting = [symbol for symbol in symbols if argument_count(symbol) < most]
    symbol = draws.choice(fitting)
    count, arguments = argument_count(symbol), []
    left = most - 1
    for number in range(count):
        others = count - number - 1
        arguments.append(_grow(draws, symbols, left - others if count == 1 else draws.randint(1, left - others)))
        left -= arguments[-1].size
    return Expression(symbol, tuple(arguments))


def mutated(parent: Expression, draws: random.Random, symbols: Sequence[str], longest: int = LONGEST) -> Expression:
    """Return a changed expression: another symbol, another part, a part in place of the whole, or a new function."""
    changes: list[Callable[[], Expression]] = [
        lambda: _with_other_symbol(parent, draws, symbols),
        lambda: _with_other_part(parent, draws, symbols, longest),
        lambda: draws.choice([part for _, part in parent.positions]),
        lambda: _wrapped(parent, draws, symbols, longest),
    ]
    return draws.choice(changes)()


def crossed(parent: Expression, other: Expression, draws: random.Random, longest: int = LONGEST) -> Expression:
    """Return an expression with a part of another one; the parent itself if none fits."""
    path, old = draws.choice(list(parent.positions))
    fitting = [part for _, part in other.positions if parent.size - old.size + part.size <= longest]
    return parent.replaced(path, draws.choice(fitting)) if fitting else parent


def _with_other_symbol(parent: Expression, draws: random.Random, symbols: Sequence[str]) -> Expression:
    """Return the expression with another symbol of as many arguments at one place."""
    path, old = draws.choice(list(parent.positions))
    others = [s for s in symbols if s != old.symbol and argument_count(s) == len(old.arguments)]
    return parent.replaced(path, Expression(draws.choice(others), old.arguments)) if others else parent


def _with_other_part(parent: Expression, draws: random.Random, symbols: Sequence[str], longest: int) -> Expression:
    """Return the expression with a random part at one place."""
    path, old = draws.choice(list(parent.positions))
    return parent.replaced(path, random_expression(draws, symbols, longest - parent.size + old.size))


def _wrapped(parent: Expression, draws: random.Random, symbols: Sequence[str], longest: int) -> Expression:
    """Return the expression with a new function around one part."""
    functions = [symbol for symbol in symbols if argument_count(symbol)]
    most = longest - parent.size
    if not functions or most < 1:
        return parent
    path, old = draws.choice(list(parent.positions))
    symbol = draws.choice(functions)
    if argument_count(symbol) == 1:
        return parent.replaced(path, Expression(symbol, (old,)))
    if most < 2:
        return parent
    arguments = [old, random_expression(draws, symbols, most - 1)]
    draws.shuffle(arguments)
    return parent.replaced(path, Expression(symbol, tuple(arguments)))
