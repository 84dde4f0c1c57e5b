"""A model's graph spread over workers, each of which computes the layers that lie with it.

What a layer computes is sent to each worker that needs it once, however many of its edges go there (Dean et al. 2012,
§3), by a pair of nodes, one that sends and one that receives (Abadi et al. 2015, §3.2.2); gradients take the same ways
back. Training and inference run alike.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, fx, nn

from descend.parallel.post import Post, Received, Sent, Tied


class GraphPartition(nn.Module):
    """The part of a model that one worker of the group computes; every worker is given the inputs and the outputs.

    workers: of a layer, or of all whose names begin so, the rank that computes it. What is no layer is computed where
    its first argument is. The loss is worked out by every worker, and counts once. Holds the parameters of its own
    layers alone. For the CPU. Raises `ValueError` for layers that nobody is to compute, and for a rank that there is
    not.

    >>> model = GraphPartition(model, {"left": 0, "right": 1, "top": 0})
    """

    def __init__(self, model: nn.Module, workers: Mapping[str, int]) -> None:
        super().__init__()
        self.rank, size = dist.get_rank(), dist.get_world_size()
        for name, worker in workers.items():
            if not 0 <= worker < size:
                raise ValueError(f"{name} is to be computed by worker {worker}, and there are {size}")
        self.part = fx.symbolic_trace(model)
        self.post = Post()
        self._place: dict[fx.Node, int] = {}
        for node in self.part.graph.nodes:
            place = _place(node, workers, self._place)
            if place is not None:
                self._place[node] = place
        for name, _ in list(self.part.named_parameters()) + list(self.part.named_buffers()):
            if self._owner(name, workers) != self.rank:
                module, _, last = name.rpartition(".")
                delattr(self.part.get_submodule(module), last)

    def forward(self, *inputs: Tensor) -> Any:
        """Compute what lies here, send what others need and receive what is needed; return the outputs."""
        run = _Run(self, inputs)
        return run.outputs()

    def placed(self, node: fx.Node) -> int | None:
        """The worker that computes a node; none for the inputs, which all have."""
        return self._place.get(node)

    def needed_by(self, node: fx.Node) -> list[int]:
        """The other workers to which a node's value is sent, each once; the outputs go to all of them."""
        here, everyone = self._place[node], range(dist.get_world_size())
        users = {w for user in node.users for w in (everyone if user.op == "output" else [self._place[user]])}
        return sorted(users - {here})

    def _owner(self, name: str, workers: Mapping[str, int]) -> int:
        owner = _longest(name, workers)
        assert owner is not None
        return owner


class _Run:
    """One pass forwards: values of nodes as they come to be known here."""

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
            elif node.op != "output" and model.placed(node) == model.rank:
                self._compute(node)

    def outputs(self) -> Any:
        last = next(node for node in reversed(self.model.part.graph.nodes) if node.op == "output")
        return fx.node.map_arg(last.args[0], lambda node: self._output(node))

    def _output(self, node: fx.Node) -> Any:
        value = self._value(node)
        if not self.tied or not isinstance(value, Tensor):
            return value
        elsewhere = self.model.placed(node) != self.model.rank
        tied, self.tied = self.tied, []
        return Tied.apply(value.detach() if elsewhere else value, *tied)

    def _compute(self, node: fx.Node) -> None:
        args = fx.node.map_arg(node.args, self._value)
        kwargs = fx.node.map_arg(node.kwargs, self._value)
        if node.op == "call_module":
            value = self.model.part.get_submodule(str(node.target))(*args, **kwargs)
        elif node.op == "call_method":
            value = getattr(args[0], str(node.target))(*args[1:], **kwargs)
        elif node.op == "get_attr":
            value = _attribute(self.model.part, str(node.target))
        else:
            assert callable(node.target)
            value = node.target(*args, **kwargs)
        self.values[node] = value
        for worker in self.model.needed_by(node):
            token = Sent.apply(value, self.post, worker, self.number[node])
            if token.requires_grad:
                self.tied.append(token)

    def _value(self, node: fx.Node) -> Any:
        if node not in self.values:
            owner = self.model.placed(node)
            assert owner is not None
            self.values[node] = received = Received.apply(self.post.anchor, self.post, owner, self.number[node])
            if received.requires_grad:
                self.tied.append(received)
        return self.values[node]


def _place(node: fx.Node, workers: Mapping[str, int], places: Mapping[fx.Node, int]) -> int | None:
    if node.op in ("placeholder", "output"):
        return None
    if node.op in ("call_module", "get_attr"):
        place = _longest(str(node.target), workers)
        if place is None:
            raise ValueError(f"no worker is given for {node.target}: name it, or what it is a part of")
        return place
    return next((places[argument] for argument in node.all_input_nodes if argument in places), 0)


def _longest(name: str, workers: Mapping[str, int]) -> int | None:
    parts = name.split(".")
    prefixes = (".".join(parts[:k]) for k in range(len(parts), 0, -1))
    return next((workers[prefix] for prefix in prefixes if prefix in workers), None)


def _attribute(module: nn.Module, name: str) -> Any:
    value: Any = module
    for part in name.split("."):
        value = getattr(value, part)
    return value
