"""Which parameters the autograd graph above a loss reaches."""

from torch import Tensor

from descend.landscape import graph_nodes


def leaf_parameters(root: Tensor) -> list[Tensor]:
    """Return the leaf tensors whose `.grad` a backward from `root` would fill, in graph order."""
    found = {id(n.variable): n.variable for n in graph_nodes([root]) if type(n).__name__ == "AccumulateGrad"}
    return list(found.values())
