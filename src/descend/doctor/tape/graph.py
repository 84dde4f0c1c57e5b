"""Which parameters the autograd graph above a loss reaches."""

from torch import Tensor

from descend.landscape import graph_nodes


def leaf_parameters(root: Tensor) -> list[Tensor]:
    """Return the leaf tensors whose `.grad` a backward from `root` would fill, in graph order."""
    found = {id(n.variable): n.variable for n in graph_nodes([root]) if type(n).__name__ == "AccumulateGrad"}
    return list(found.values())


def is_finite(tensor: Tensor) -> bool:
    """Whether all numbers of a tensor, sparse or not, are finite."""
    values = tensor.coalesce().values() if tensor.is_sparse else tensor
    return bool(values.isfinite().all())
