"""The surface that is asked for: one of the textbook's, `FILE.py:NAME`, or an expression such as x**2 + 10*y**2."""

import re
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from descend.ground.errors import TOO_DEEP, UsageError
from descend.ground.named import named, told
from descend.trajectories.surface import Function, Point, Surface
from descend.trajectories.textbook import TEXTBOOK, textbook

WINDOW = ((-2.0, 2.0), (-2.0, 2.0))
START = 0.8  # of the way from the middle of the window to its upper left corner
NAME, PLACE = re.compile(r"[A-Za-z][\w-]*"), re.compile(r"[\w./\\-]+:[A-Za-z_]\w*(\.\w+)*")
WORDS = (
    *("abs", "atan", "clamp", "cos", "cosh", "erf", "exp", "log", "log1p", "logaddexp", "maximum", "minimum", "pi"),
    *("relu", "sigmoid", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "where"),
)


def surface(
    text: str,
    window: tuple[Point, Point] | None = None,
    start: Point | None = None,
    condition_number: float | None = None,
) -> Surface:
    """Return the surface that a text names or writes down, seen through `window` and begun at `start` where given.

    A function takes two float64 tensors x and y; one that takes single numbers is mapped over them. Raises
    `UsageError` for what is unknown, returns no scalar, or is not finite at the start.
    """
    if text in TEXTBOOK:
        options = {} if condition_number is None else {"condition_number": condition_number}
        found = textbook(text, **options)
    elif condition_number is not None:
        raise UsageError("a condition number can be chosen for the ravine alone")
    else:
        found = _own(text, window or WINDOW)
    (left, right), (low, high) = window or found.window
    if not (left < right and low < high):
        raise UsageError(f"a window goes from a least to a most: not {left:g} to {right:g} and {low:g} to {high:g}")
    found = Surface(**{**vars(found), "window": ((left, right), (low, high)), "start": start or found.start})
    _check(found)
    return found


def _own(text: str, window: tuple[Point, Point]) -> Surface:
    if PLACE.fullmatch(text):
        found = named(text, "function", "surfaces.py:bowl")
        if not callable(found):
            raise UsageError(f"{text} is no function of x and y: it is a {type(found).__name__}")
        function, formula = _many(text, found), f"J = {text.rpartition(':')[2]}(x, y)"
    elif NAME.fullmatch(text) and text not in ("x", "y"):
        raise UsageError(
            f"no surface is called {text}; there are: {', '.join(TEXTBOOK)}, FILE.py:NAME, and expressions in x and y "
            'such as "x**2 + 10*y**2"'
        )
    else:
        function, formula = _many(text, _expression(text)), f"J = {text}"
    (left, right), (low, high) = window
    start = left + (1 - START) * (right - left) / 2, high - (1 - START) * (high - low) / 2
    return Surface(text, formula, "", function, window, start)


def _expression(text: str) -> Function:
    known: dict[str, Any] = {word: getattr(torch, word) for word in WORDS}
    try:
        code = compile(text.strip(), text, "eval")
    except (SyntaxError, ValueError, *TOO_DEEP):
        raise UsageError(f"{text!r} is no expression; write it as in Python: x**2 + 10*y**2") from None
    if unknown := sorted(set(code.co_names) - {*known, "x", "y", "e"}):
        raise UsageError(f"an expression knows x, y and {', '.join(WORDS)}; not {unknown[0]}")
    known["e"] = torch.e
    # the user's own words, in the user's own process
    return lambda x, y: eval(code, {"__builtins__": {}}, {**known, "x": x, "y": y})


def _many(text: str, function: Function) -> Function:
    """Return the function as one of many points at once: as it is, or mapped point by point where that is another."""
    x, y = torch.tensor([[0.3, -0.7, 0.5], [0.2, 0.4, -0.6]], dtype=torch.float64)
    mapped = lambda x, y: vmap(function)(x.reshape(-1), y.reshape(-1)).reshape(x.shape)  # noqa: E731
    try:
        one = function(x[0], y[0])
    except Exception as error:  # whatever the user's own code raises
        hint = "; a power is written **" if "^" in text else ""
        raise UsageError(f"{text} cannot be computed at x = {x[0]:g}, y = {y[0]:g}: {told(error)}{hint}") from None
    if not isinstance(one, Tensor) or one.numel() != 1:
        what = f"a tensor of shape {tuple(one.shape)}" if isinstance(one, Tensor) else f"a {type(one).__name__}"
        raise UsageError(f"{text} must return one number, a tensor that follows from x and y: it returns {what}")
    if _agrees(function, function, x, y):
        return function
    if _agrees(mapped, function, x, y):
        return mapped
    raise UsageError(f"{text} cannot be computed at many points at once: write it with torch.where in place of if")


def _agrees(many: Function, function: Function, x: Tensor, y: Tensor) -> bool:
    try:
        together = many(x, y)
        return isinstance(together, Tensor) and torch.allclose(
            together, torch.stack([function(*point).reshape(()) for point in zip(x, y)]), equal_nan=True
        )
    except Exception:  # whatever the user's own code raises on more than one point
        return False


def _check(found: Surface) -> None:
    at = torch.tensor([found.start], dtype=torch.float64)
    where = f"the start ({found.start[0]:g}, {found.start[1]:g})"
    cost = float(found.cost(at)[0])
    if not torch.isfinite(torch.tensor(cost)):
        raise UsageError(f"{found.name} is {cost} at {where}; choose another with --start")
    try:
        slope = found.gradient(at)
    except RuntimeError as error:
        raise UsageError(f"{found.name} has no gradient at {where}: {told(error)}") from None
    if not bool(torch.isfinite(slope).all()):
        raise UsageError(f"the gradient of {found.name} is not finite at {where}; choose another with --start")
