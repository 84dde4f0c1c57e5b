"""The autograd graph above a value, and whether any of it is hand-written."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def graph_nodes(roots: Sequence[Tensor]) -> list[Any]:
    """Return every node of the autograd graph above `roots`."""
    stack = [root.grad_fn for root in roots if root.grad_fn is not None]
    seen, order = set(stack), []
    while stack:
        node = stack.pop()
        order.append(node)
        for above, _ in node.next_functions:
            if above is not None and above not in seen:
                seen.add(above)
                stack.append(above)
    return order


def custom_function(root: Tensor) -> str | None:
    """Return the name of a hand-written `autograd.Function` in the graph of `root`, or None."""
    for node in graph_nodes([root]):
        if isinstance(node, torch.autograd.function.BackwardCFunction):
            return type(node).__name__.removesuffix("Backward")
    return None


def is_cut(roots: Sequence[Tensor]) -> bool:
    """Whether the graph ends somewhere because a backward pass was marked as not differentiable again."""
    return any(type(node).__name__ == "Error" for node in graph_nodes(roots))
