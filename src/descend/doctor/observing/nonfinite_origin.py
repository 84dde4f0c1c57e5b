"""What makes a loss NaN or infinite, found from the loss: autograd keeps what each function was given."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from descend.doctor.probes.masked_nonfinite import not_finite_values
from descend.doctor.record import facts
from descend.doctor.tape import leaf_parameters
from descend.landscape import graph_nodes

SAVED = frozenset(
    f"_saved_{name}" for name in "self input mat1 mat2 other target tensor1 tensor2 batch1 batch2".split()
)
DOMAINS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {  # by node: the function, and where it is undefined
    "PowBackward0": ("pow", lambda x: x < 0),
    "LogBackward0": ("log", lambda x: x <= 0),
    "Log2Backward0": ("log2", lambda x: x <= 0),
    "Log10Backward0": ("log10", lambda x: x <= 0),
    "Log1PBackward0": ("log1p", lambda x: x <= -1),
    "AcosBackward0": ("acos", lambda x: x.abs() > 1),
    "AsinBackward0": ("asin", lambda x: x.abs() > 1),
    "DivBackward0": ("div", lambda x: x == 0),
}


def not_finite(root: Tensor) -> facts.BadData | None:
    """Return where data above `root` are not finite and how many values; None where only computed values are.

    Tensors that no gradient flows to are data: a layer's input, a loss's target.
    """
    if not all(bool(p.isfinite().all()) for p in leaf_parameters(root)):
        return None  # the parameters have diverged, and so may have a target that they made
    for node in graph_nodes([root]):
        for name in dir(node):
            value = _saved(node, name) if name in SAVED else None
            if value is None or value.requires_grad:
                continue
            if (found := not_finite_values(value, "targets" if "target" in name else "inputs")) is not None:
                return found
    return None


def undefined(root: Tensor) -> facts.NotFinite | None:
    """Return which function above `root` is given finite values that it is not defined for, and their range."""
    if not all(bool(p.isfinite().all()) for p in leaf_parameters(root)):
        return None
    for node in graph_nodes([root]):
        function, is_outside = DOMAINS.get(type(node).__name__, ("", None))
        given = _saved(node, f"_saved_{'other' if function == 'div' else 'self'}") if is_outside else None
        if given is None or is_outside is None or not bool(given.isfinite().all()) or _is_whole(node):
            continue
        if bool(is_outside(given).any()):
            return facts.NotFinite(function, is_partial=True, min=float(given.min()), max=float(given.max()))
    return None


def _is_whole(node: Any) -> bool:
    """Whether it is a power with a whole exponent, which is defined for all numbers."""
    exponent = getattr(node, "_saved_exponent", None)
    return isinstance(exponent, int | float) and exponent >= 0 and float(exponent).is_integer()


def _saved(node: Any, name: str) -> Tensor | None:
    try:
        value = getattr(node, name)
    except (RuntimeError, AttributeError):  # freed, or kept by a hook of somebody's
        return None
    return value if isinstance(value, torch.Tensor) else None
