"""Model parallelism on a graph: each worker computes the layers that are assigned to it.

A layer's output is sent at most once to each worker that needs it (Dean et al. 2012, §3). A pair of send and receive
operations transfers the output (Abadi et al. 2015, §3.2.2), and its gradient returns along the same path. Training and
inference work the same way.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, fx, nn

from descend.parallel.post import Post, Received, Sent, TiedOutput


class GraphPartition(nn.Module):
    """One worker's part of a model. It has only its own layers, but takes all inputs and returns all outputs.

    A function runs on the worker of its first argument. Every worker computes the loss, but its gradient is used once.
    CPU only.

    Parameters
    ----------
    model : torch.nn.Module
        The whole model.
    workers : dict of str to int
        The rank of each worker, by the name of a layer or a prefix of names.

    Raises
    ------
    ValueError
        For a layer without a worker, and for a rank outside the group.

    Examples
    --------
    >>> model = GraphPartition(model, {"left": 0, "right": 1, "top": 0})
    """

    def __init__(self, model: nn.Module, workers: Mapping[str, int]) -> None:
        super().__init__()
        self.rank, size = dist.get_rank(), dist.get_world_size()
        for name, worker in workers.items():
            if not 0 <= worker < size:
                raise ValueError(f"{name} is assigned to worker {worker}, but the workers are 0 to {size - 1}")
        self.part = fx.symbolic_trace(model)
        self.post = Post()
        self._place: dict[fx.Node, int] = {}
        for node in self.part.graph.nodes:
            place = _assign_rank(node, workers, self._place)
            if place is not None:
                self._place[node] = place
        for name, _ in list(self.part.named_parameters()) + list(self.part.named_buffers()):
            if self._owner_rank(name, workers) != self.rank:
                module, _, last = name.rpartition(".")
                delattr(self.part.get_submodule(module), last)

    def forward(self, *inputs: Tensor) -> Any:
        """Compute this worker's layers, exchange activations with other workers, and return the model's outputs."""
        run = _ForwardPass(self, inputs)
        return run.outputs()

    def rank_of_node(self, node: fx.Node) -> int | None:
        """Return the rank of the worker that computes a graph node; None for an input, which all workers have."""
        return self._place.get(node)

    def ranks_that_need(self, node: fx.Node) -> list[int]:
        """Return the ranks of the other workers that need the value of a graph node. All workers need the outputs."""
        here, everyone = self._place[node], range(dist.get_world_size())
        users = {w for user in node.users for w in (everyone if user.op == "output" else [self._place[user]])}
        return sorted(users - {here})

    def _owner_rank(self, name: str, workers: Mapping[str, int]) -> int:
        """Return the rank of the worker that has a parameter or buffer."""
        owner = _rank_by_prefix(name, workers)
        assert owner is not None
        return owner


class _ForwardPass:
    """One forward pass of a `GraphPartition`, with the node values that this worker has computed or received."""

    def __init__(self, model: GraphPartition, inputs: tuple[Tensor, ...]) -> None:
        self.model, self.post = model, model.post
        self.post.begin(inputs, torch.is_grad_enabled())
        self.values: dict[fx.Node, Any] = {}
        self.tied: list[Tensor] = []
        self.number = {node: k for k, node in enumerate(model.part.graph.nodes)}
        waiting = iter(inputs)
        for node in model.part.graph.nodes:
            if node.op == "placeholder":
                self.values[node] = next(waiting)
            elif node.op != "output" and model.rank_of_node(node) == model.rank:
                self._compute(node)

    def outputs(self) -> Any:
        """Return the model's outputs, received from other workers where necessary."""
        last = next(node for node in reversed(self.model.part.graph.nodes) if node.op == "output")
        return fx.node.map_arg(last.args[0], lambda node: self._tie_output(node))

    def _tie_output(self, node: fx.Node) -> Any:
        """Return one output of the model, tied to all sent and received tensors so that backward passes reach them."""
        value = self._node_value(node)
        if not self.tied or not isinstance(value, Tensor):
            return value
        elsewhere = self.model.rank_of_node(node) != self.model.rank
        tied, self.tied = self.tied, []
        return TiedOutput.apply(value.detach() if elsewhere else value, *tied)

    def _compute(self, node: fx.Node) -> None:
        """Compute the value of a graph node, and send it to the workers that need it."""
        args = fx.node.map_arg(node.args, self._node_value)
        kwargs = fx.node.map_arg(node.kwargs, self._node_value)
        if node.op == "call_module":
            value = self.model.part.get_submodule(str(node.target))(*args, **kwargs)
        elif node.op == "call_method":
            value = getattr(args[0], str(node.target))(*args[1:], **kwargs)
        elif node.op == "get_attr":
            value = _resolve_attribute(self.model.part, str(node.target))
        else:
            assert callable(node.target)
            value = node.target(*args, **kwargs)
        self.values[node] = value
        for worker in self.model.ranks_that_need(node):
            token = Sent.apply(value, self.post, worker, self.number[node])
            if token.requires_grad:
                self.tied.append(token)

    def _node_value(self, node: fx.Node) -> Any:
        """Return the value of a graph node, received from another worker if this worker does not have it."""
        if node not in self.values:
            owner = self.model.rank_of_node(node)
            assert owner is not None
            self.values[node] = received = Received.apply(self.post.anchor, self.post, owner, self.number[node])
            if received.requires_grad:
                self.tied.append(received)
        return self.values[node]


def _assign_rank(node: fx.Node, workers: Mapping[str, int], places: Mapping[fx.Node, int]) -> int | None:
    """Return the rank of the worker that will compute a graph node; None for inputs and outputs."""
    if node.op in ("placeholder", "output"):
        return None
    if node.op in ("call_module", "get_attr"):
        place = _rank_by_prefix(str(node.target), workers)
        if place is None:
            raise ValueError(
                f"no worker is assigned to {node.target}. Add this layer or its parent module to `workers`"
            )
        return place
    return next((places[argument] for argument in node.all_input_nodes if argument in places), 0)


def _rank_by_prefix(name: str, workers: Mapping[str, int]) -> int | None:
    """Return the rank that `workers` assigns to the longest prefix of a dotted name; None without such a prefix."""
    parts = name.split(".")
    prefixes = (".".join(parts[:k]) for k in range(len(parts), 0, -1))
    return next((workers[prefix] for prefix in prefixes if prefix in workers), None)


def _resolve_attribute(module: nn.Module, name: str) -> Any:
    """Return the attribute of a module that a dotted name such as `a.b.c` refers to."""
    value: Any = module
    for part in name.split("."):
        value = getattr(value, part)
    return value
