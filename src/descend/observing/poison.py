"""Data that are NaN or infinite, found from a loss that is: autograd keeps what it was given."""

from typing import Any

import torch
from torch import Tensor

from descend.landscape import graph_nodes
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
            if value is None or value.requires_grad or not value.is_floating_point():
                continue
            wrong = ~value.isfinite()
            if bool(wrong.any()):
                where = "targets" if "target" in name else "inputs"
                rows = wrong.reshape(len(wrong), -1).any(1) if wrong.ndim else wrong.reshape(1)
                return {
                    "where": where,
                    "values": int(wrong.sum()),
                    "nan": int(value.isnan().sum()),
                    "examples": int(rows.sum()),
                    "of": int(rows.numel()),
                }
    return None


def _saved(node: Any, name: str) -> Tensor | None:
    try:
        value = getattr(node, name)
    except (RuntimeError, AttributeError):  # freed, or kept by a hook of somebody's
        return None
    return value if isinstance(value, torch.Tensor) else None
