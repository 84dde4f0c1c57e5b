"""The autograd graph above a loss: which parameters it reaches, and whether any of it is hand-written."""

from typing import Any

import torch
from torch import Tensor


def custom_function(root: Tensor) -> str | None:
    """Return the name of a user-written `autograd.Function` in the graph of `root`, or None."""
    for node in graph_nodes(root):
        if isinstance(node, torch.autograd.function.BackwardCFunction):
            return type(node).__name__.removesuffix("Backward")
    return None


def leaf_parameters(root: Tensor) -> list[Tensor]:
    """Return the leaf tensors whose `.grad` a backward from `root` would fill, in graph order."""
    found = {id(n.variable): n.variable for n in graph_nodes(root) if type(n).__name__ == "AccumulateGrad"}
    return list(found.values())


def graph_nodes(root: Tensor) -> list[Any]:
    """Return every node of the autograd graph above `root`."""
    start = root.grad_fn
    seen = {start} if start is not None else set()
    order, stack = [], list(seen)
    while stack:
        node = stack.pop()
        order.append(node)
        for above, _ in node.next_functions:
            if above is not None and above not in seen:
                seen.add(above)
                stack.append(above)
    return order
