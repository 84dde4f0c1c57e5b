"""Inspect the autograd graph of a value, and find a custom `autograd.Function` in it."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def graph_nodes(roots: Sequence[Tensor]) -> list[Any]:
    """Return all nodes of the autograd graph of the tensors `roots`.

    Parameters
    ----------
    roots : sequence of torch.Tensor
        Tensors with an autograd graph.

    Returns
    -------
    list
        The nodes, each once.
    """
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
    """Return the name of a custom `autograd.Function` in the autograd graph of `root`, or None.

    Parameters
    ----------
    root : torch.Tensor
        A tensor with an autograd graph, such as a loss.

    Returns
    -------
    str or None
        The name of the class; None if there is no custom function.
    """
    for node in graph_nodes([root]):
        if isinstance(node, torch.autograd.function.BackwardCFunction):
            return type(node).__name__.removesuffix("Backward")
    return None


def has_undifferentiable_node(roots: Sequence[Tensor]) -> bool:
    """Return whether the autograd graph of `roots` has a node that cannot be differentiated twice."""
    return any(type(node).__name__ == "Error" for node in graph_nodes(roots))
