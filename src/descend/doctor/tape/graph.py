"""The parameters that the autograd graph of a loss reaches, and a test for finite values."""

from torch import Tensor

from descend.landscape import graph_nodes


def leaf_parameters(root: Tensor) -> list[Tensor]:
    """Return the leaf tensors whose `.grad` `root.backward()` would fill, in the order of the graph."""
    found = {id(n.variable): n.variable for n in graph_nodes([root]) if type(n).__name__ == "AccumulateGrad"}
    return list(found.values())


def is_finite(tensor: Tensor) -> bool:
    """Return whether all values of a dense or sparse tensor are finite."""
    values = tensor.coalesce().values() if tensor.is_sparse else tensor
    return bool(values.isfinite().all())
