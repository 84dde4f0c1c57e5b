"""Data that are NaN or infinite, found from a loss that is: autograd keeps what it was given."""

from typing import Any

import torch
from torch import Tensor

from descend.landscape import graph_nodes
from descend.probes.left_out import not_finite_values
from descend.tape import leaf_parameters

SAVED = frozenset(
    f"_saved_{name}" for name in "self input mat1 mat2 other target tensor1 tensor2 batch1 batch2".split()
)


def not_finite(root: Tensor) -> dict[str, Any] | None:
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
            if (found := not_finite_values(value)) is not None:
                return {"where": "targets" if "target" in name else "inputs", **found}
    return None


def _saved(node: Any, name: str) -> Tensor | None:
    try:
        value = getattr(node, name)
    except (RuntimeError, AttributeError):  # freed, or kept by a hook of somebody's
        return None
    return value if isinstance(value, torch.Tensor) else None
