"""Read the surface that the user names: a textbook surface, `FILE.py:NAME`, or an expression such as x**2 + 10*y**2."""

import re
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from descend.core.errors import TOO_DEEP, UsageError
from descend.core.imported_object import error_message, import_object
from descend.trajectories.surface import Function, Point, Surface
from descend.trajectories.textbook import TEXTBOOK, textbook_surface

WINDOW = ((-2.0, 2.0), (-2.0, 2.0))
START = 0.8  # position of the default start on the line from the window's centre (0) to its upper left corner (1)
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
    """Return the surface that a text such as `beale` or `x**2 + 10*y**2` describes, with the given window and start.

    A function of a file takes two float64 tensors x and y; if it only accepts single numbers, vmap maps it over them.

    Parameters
    ----------
    text : str
        The name of a textbook function, a formula in x and y, or `file.py:function`.
    window : tuple, optional
        The lower and upper limits of x, and those of y.
    start : tuple of float, optional
        The starting point.
    condition_number : float, optional
        The condition number of the textbook function "ravine".

    Returns
    -------
    Surface
        The surface.

    Raises
    ------
    UsageError
        For an unknown name, a result that is not a scalar, or a value that is not finite at the start.
    """
    if text in TEXTBOOK:
        options = {} if condition_number is None else {"condition_number": condition_number}
        found = textbook_surface(text, **options)
    elif condition_number is not None:
        raise UsageError("a condition number can only be chosen for the ravine")
    else:
        found = _user_surface(text, window or WINDOW)
    (left, right), (low, high) = window or found.window
    if not (left < right and low < high):
        limits = f"{left:g} to {right:g} and {low:g} to {high:g}"
        raise UsageError(f"each lower limit of a window must be below the upper one, not {limits}")
    found = Surface(**{**vars(found), "window": ((left, right), (low, high)), "start": start or found.start})
    _check_start(found)
    return found


def _user_surface(text: str, window: tuple[Point, Point]) -> Surface:
    """Return the surface of the user's own function (`FILE.py:NAME`) or expression in x and y."""
    if PLACE.fullmatch(text):
        found = import_object(text, "function", "surfaces.py:bowl")
        if not callable(found):
            raise UsageError(f"{text} is not a function of x and y: its type is {type(found).__name__}")
        function, formula = _vectorise(text, found), f"J = {text.rpartition(':')[2]}(x, y)"
    elif NAME.fullmatch(text) and text not in ("x", "y"):
        raise UsageError(
            f"no surface is called {text}; give {', '.join(TEXTBOOK)}, FILE.py:NAME, or an expression in x and y "
            'such as "x**2 + 10*y**2"'
        )
    else:
        function, formula = _vectorise(text, _compile_expression(text)), f"J = {text}"
    (left, right), (low, high) = window
    start = left + (1 - START) * (right - left) / 2, high - (1 - START) * (high - low) / 2
    return Surface(text, formula, "", function, window, start)


def _compile_expression(text: str) -> Function:
    """Return the function that an expression in x and y, such as `x**2 + 10*y**2`, computes."""
    known: dict[str, Any] = {word: getattr(torch, word) for word in WORDS}
    try:
        code = compile(text.strip(), text, "eval")
    except (SyntaxError, ValueError, *TOO_DEEP):
        raise UsageError(f"{text!r} is not a valid expression; use Python syntax, such as x**2 + 10*y**2") from None
    if unknown := sorted(set(code.co_names) - {*known, "x", "y", "e"}):
        raise UsageError(f"an expression cannot use {unknown[0]}, only x, y and {', '.join(WORDS)}")
    known["e"] = torch.e
    # The user typed this expression, so evaluating it here is as safe as running the user's script.
    return lambda x, y: eval(code, {"__builtins__": {}}, {**known, "x": x, "y": y})


def _vectorise(text: str, function: Function) -> Function:
    """Return the user's function in a form that accepts many points at once; if necessary, use vmap."""
    x, y = torch.tensor([[0.3, -0.7, 0.5], [0.2, 0.4, -0.6]], dtype=torch.float64)
    mapped = lambda x, y: vmap(function)(x.reshape(-1), y.reshape(-1)).reshape(x.shape)  # noqa: E731
    try:
        one = function(x[0], y[0])
    except Exception as error:  # The user's code can raise any exception.
        hint = "; write powers with **, not ^" if "^" in text else ""
        raise UsageError(
            f"{text} cannot be computed at x = {x[0]:g}, y = {y[0]:g}: {error_message(error)}{hint}"
        ) from None
    if not isinstance(one, Tensor) or one.numel() != 1:
        what = f"a tensor of shape {tuple(one.shape)}" if isinstance(one, Tensor) else f"a {type(one).__name__}"
        raise UsageError(f"{text} must return a scalar tensor computed from x and y, but it returns {what}")
    if _gives_same_values(function, function, x, y):
        return function
    if _gives_same_values(mapped, function, x, y):
        return mapped
    raise UsageError(f"{text} cannot be computed at many points at once; use torch.where instead of if")


def _gives_same_values(many: Function, function: Function, x: Tensor, y: Tensor) -> bool:
    """Return whether `many`, called with all points at once, gives the values of `function`, called with each point."""
    try:
        together = many(x, y)
        return isinstance(together, Tensor) and torch.allclose(
            together, torch.stack([function(*point).reshape(()) for point in zip(x, y)]), equal_nan=True
        )
    except Exception:  # The user's function may raise any exception if it gets several points at once.
        return False


def _check_start(found: Surface) -> None:
    """Raise `UsageError` unless the surface has a finite value and a finite gradient at its start."""
    at = torch.tensor([found.start], dtype=torch.float64)
    where = f"the start ({found.start[0]:g}, {found.start[1]:g})"
    cost = float(found.cost(at)[0])
    if not torch.isfinite(torch.tensor(cost)):
        raise UsageError(f"{found.name} is {cost} at {where}; choose another start with --start")
    try:
        slope = found.gradient(at)
    except RuntimeError as error:
        raise UsageError(f"{found.name} has no gradient at {where}: {error_message(error)}") from None
    if not bool(torch.isfinite(slope).all()):
        raise UsageError(f"the gradient of {found.name} is not finite at {where}; choose another start with --start")
