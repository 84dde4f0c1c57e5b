"""Find the origin of a NaN or infinite loss in its autograd graph, which keeps the inputs of each function."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from descend.doctor.measure.masked_nonfinite import not_finite_values
from descend.doctor.record import facts
from descend.doctor.tape import leaf_parameters
from descend.landscape import graph_nodes

SAVED = frozenset(
    f"_saved_{name}" for name in "self input mat1 mat2 other target tensor1 tensor2 batch1 batch2".split()
)
# autograd node -> (function name, function that returns which inputs are outside its domain)
DOMAINS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "PowBackward0": ("pow", lambda x: x < 0),
    "LogBackward0": ("log", lambda x: x <= 0),
    "Log2Backward0": ("log2", lambda x: x <= 0),
    "Log10Backward0": ("log10", lambda x: x <= 0),
    "Log1PBackward0": ("log1p", lambda x: x <= -1),
    "AcosBackward0": ("acos", lambda x: x.abs() > 1),
    "AsinBackward0": ("asin", lambda x: x.abs() > 1),
    "DivBackward0": ("div", lambda x: x == 0),
}


def nonfinite_data(root: Tensor) -> facts.BadData | None:
    """Return which data in the autograd graph of a loss are not finite; None if all data are finite.

    Tensors that need no gradient are data: the input of a layer, or the target of a loss. If parameters are not
    finite, the result is also None.
    """
    if not all(bool(p.isfinite().all()) for p in leaf_parameters(root)):
        return None  # If the parameters have diverged, non-finite targets may be a consequence.
    for node in graph_nodes([root]):
        for name in dir(node):
            value = _saved_tensor(node, name) if name in SAVED else None
            if value is None or value.requires_grad:
                continue
            if (found := not_finite_values(value, "targets" if "target" in name else "inputs")) is not None:
                return found
    return None


def undefined_operation(root: Tensor) -> facts.NotFinite | None:
    """Return a function in a loss's graph with inputs outside its domain, such as log(0), or None."""
    if not all(bool(p.isfinite().all()) for p in leaf_parameters(root)):
        return None
    for node in graph_nodes([root]):
        function, is_outside = DOMAINS.get(type(node).__name__, ("", None))
        given = _saved_tensor(node, f"_saved_{'other' if function == 'div' else 'self'}") if is_outside else None
        if given is None or is_outside is None or not bool(given.isfinite().all()) or _has_integer_exponent(node):
            continue
        if bool(is_outside(given).any()):
            return facts.NotFinite(function, is_partial=True, min=float(given.min()), max=float(given.max()))
    return None


def _has_integer_exponent(node: Any) -> bool:
    """Return whether an autograd node is a power with an exponent of 0, 1, 2, …, which is defined for all numbers."""
    exponent = getattr(node, "_saved_exponent", None)
    return isinstance(exponent, int | float) and exponent >= 0 and float(exponent).is_integer()


def _saved_tensor(node: Any, name: str) -> Tensor | None:
    """Return a tensor that an autograd node has saved for the backward pass; None if it is not available."""
    try:
        value = getattr(node, name)
    except (RuntimeError, AttributeError):  # The tensor has been freed, or a hook of the user hides it.
        return None
    return value if isinstance(value, torch.Tensor) else None
