"""A parameter server: it holds the parameters, hands copies to replicas, and applies the gradients that they push.

Downpour SGD (Dean et al. 2012, §4.1): replicas train on shards of the data, each from parameters that it fetched some
steps ago; the server takes what comes as it comes, by any rule of `descend.optim`, Adagrad by default.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.optim import Adagrad
from descend.parallel.messages import in_a_row

Rule = Callable[[list[Tensor]], Optimizer]  # makes an optimizer of some parameters


@dataclass(frozen=True)
class Fetched:
    """What a replica was given: copies of the parameters after so many updates, and what the server's rule adds.

    memory: what a push must bring back with it, shaped as the parameters; empty where the rule asks for nothing.
    """

    version: int
    parameters: list[Tensor]
    memory: list[Tensor] = field(default_factory=list)


class Server(Protocol):
    """What replicas talk to, in this process or in another."""

    def fetch(self) -> Fetched:
        """Return copies of the parameters."""
        ...

    def push(self, gradients: Sequence[Tensor], fetched: Fetched) -> int | None:
        """Apply gradients that were taken from what was fetched; return the staleness: the updates since then.

        None where the server lost some of those updates, and has not applied these gradients.
        """
        ...


class ParameterServer:
    """Holds copies of the parameters and counts the updates; a subclass says what an update does."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = in_a_row(parameters)
        self.version = 0
        self.memory: list[Tensor] = []

    @property
    def held(self) -> Fetched:
        """The parameters themselves, which go on changing, and what a push must bring back."""
        return Fetched(self.version, self.parameters, self.memory)

    def fetch(self) -> Fetched:
        """Return copies of the parameters, and of what a push must bring back."""
        return Fetched(self.version, [p.clone() for p in self.parameters], [m.clone() for m in self.memory])

    def push(self, gradients: Sequence[Tensor], fetched: Fetched) -> int:
        """Apply gradients that were taken from what was fetched; return their staleness, the updates since then.

        Raises `ValueError` for gradients of another model, and for infinities and NaN.
        """
        check_pushed(gradients, self.parameters)
        return self.apply(gradients, fetched)

    def apply(self, gradients: Sequence[Tensor], fetched: Fetched) -> int:
        """The same of gradients that have been checked, where they came from."""
        self.update([g.detach() for g in gradients], fetched)
        self.version += 1
        return self.version - 1 - fetched.version

    def update(self, gradients: Sequence[Tensor], fetched: Fetched) -> None:
        """Step by these gradients."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return the parameters, the number of updates and what the rule remembers."""
        return {"parameters": self.parameters, "version": self.version, "memory": self.memory}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for parameter, saved in zip(self.parameters, state["parameters"], strict=True):
            parameter.copy_(saved)  # in place: the rule's optimizer holds them
        self.version, self.memory = state["version"], state["memory"]


class DownpourServer(ParameterServer):
    """Applies each push by one rule, whoever it comes from.

    rule: makes an optimizer of the server's parameters; Adagrad with a rate of 0.01 by default, as in the paper.
    """

    def __init__(self, parameters: Sequence[Tensor], rule: Rule | None = None) -> None:
        super().__init__(parameters)
        self._optimizer = (rule or _adagrad)(self.parameters)

    def update(self, gradients: Sequence[Tensor], fetched: Fetched) -> None:
        """Step by the rule."""
        for parameter, gradient in zip(self.parameters, gradients):
            parameter.grad = gradient.clone()
        self._optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """Return the parameters, the number of updates and the rule's state."""
        return {**super().state_dict(), "rule": self._optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        super().load_state_dict(state)
        self._optimizer.load_state_dict(state["rule"])


def check_pushed(given: Sequence[Tensor], parameters: Sequence[Tensor]) -> None:
    """Raise `ValueError` for what would spoil the server: tensors of another model, infinities and NaN."""
    theirs, ours = [tuple(t.shape) for t in given], [tuple(t.shape) for t in parameters]
    if theirs != ours:
        other = next((pair for pair in zip(theirs, ours) if pair[0] != pair[1]), (len(theirs), len(ours)))
        raise ValueError(f"what is pushed belongs to another model: {other[0]} where the server holds {other[1]}")
    doubtful = [(k, t) for k, t in enumerate(given) if not bool(torch.isfinite(t.sum()))]  # a finite sum has no other
    ill = [number for number, tensor in doubtful if not bool(torch.isfinite(tensor).all())]
    if ill:
        raise ValueError(f"what is pushed is not finite, in tensor {ill[0]} of {len(given)}: it has not been applied")


def _adagrad(parameters: list[Tensor]) -> Optimizer:
    return Adagrad(parameters, lr=0.01)
