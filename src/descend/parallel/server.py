"""A parameter server: it sends copies of the parameters to replicas, and applies the gradients that they push.

Downpour SGD (Dean et al. 2012, §4.1): replicas train on parts of the data, with parameters that can be some steps old.
The server applies gradients as they arrive, with any optimizer of `descend.optim`, by default Adagrad.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.optim import Adagrad
from descend.parallel.packing import contiguous_copies

Rule = Callable[[list[Tensor]], Optimizer]  # a function that creates an optimizer for a list of parameters


@dataclass(frozen=True)
class Fetched:
    """Parameters that a replica has received from the server, and the number of updates that they contain.

    Parameters
    ----------
    version : int
        The number of updates that the parameters contain.
    parameters : list of torch.Tensor
        The parameters.
    memory : list of torch.Tensor
        Tensors with the parameters' shapes, which the server needs back with a push. Empty for most servers.
    """

    version: int
    parameters: list[Tensor]
    memory: list[Tensor] = field(default_factory=list)


class Server(Protocol):
    """The methods of a parameter server that a replica calls. The server runs in this process or in another."""

    def fetch(self) -> Fetched:
        """Return copies of the server's parameters, one tensor per parameter and of its shape."""
        ...

    def push(self, gradients: Sequence[Tensor], fetched: Fetched) -> int | None:
        """Apply gradients of the fetched parameters; return their staleness, the number of updates since the fetch.

        Returns None if the server lost some of those updates, and has not applied the gradients.
        """
        ...


class ParameterServer(ABC):
    """Base class of parameter servers, with the parameters and a count of updates. Subclasses define `update`."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = contiguous_copies(parameters)
        self.version = 0
        self.memory: list[Tensor] = []

    @property
    def uncopied_state(self) -> Fetched:
        """The server's own parameters and memory. They are not copied, so later updates change them."""
        return Fetched(self.version, self.parameters, self.memory)

    def fetch(self) -> Fetched:
        """Return copies of the server's parameters, and of the memory that a push must return."""
        return Fetched(self.version, [p.clone() for p in self.parameters], [m.clone() for m in self.memory])

    def push(self, gradients: Sequence[Tensor], fetched: Fetched) -> int:
        """Apply gradients of the fetched parameters; return their staleness, the number of updates since the fetch.

        Raises `ValueError` if the shapes differ from the parameters', and for infinities and NaN.
        """
        check_pushed(gradients, self.parameters)
        return self.apply(gradients, fetched)

    def apply(self, gradients: Sequence[Tensor], fetched: Fetched) -> int:
        """Apply gradients whose shapes and values are already checked; return their staleness in updates."""
        self.update([g.detach() for g in gradients], fetched)
        self.version += 1
        return self.version - 1 - fetched.version

    @abstractmethod
    def update(self, gradients: Sequence[Tensor], fetched: Fetched) -> None:
        """Update the server's parameters with one gradient per parameter."""

    def state_dict(self) -> dict[str, Any]:
        """Return the parameters, the number of updates and the memory."""
        return {"parameters": self.parameters, "version": self.version, "memory": self.memory}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the server from `state`, which `state_dict` returned."""
        for parameter, saved in zip(self.parameters, state["parameters"], strict=True):
            parameter.copy_(saved)  # The optimizer has references to these tensors, so they are changed in place.
        self.version, self.memory = state["version"], state["memory"]


class DownpourServer(ParameterServer):
    """A parameter server that applies the gradients of all replicas with a single optimizer.

    Parameters
    ----------
    parameters : sequence of torch.Tensor
        The initial parameters, which are copied.
    rule : callable, optional
        Returns the optimizer for the server's parameters. Default: Adagrad with a learning rate of 0.01.
    """

    def __init__(self, parameters: Sequence[Tensor], rule: Rule | None = None) -> None:
        super().__init__(parameters)
        self._optimizer = (rule or _adagrad)(self.parameters)

    def update(self, gradients: Sequence[Tensor], fetched: Fetched) -> None:
        """Take one step of the server's optimizer with one gradient per parameter."""
        for parameter, gradient in zip(self.parameters, gradients):
            parameter.grad = gradient.clone()
        self._optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """Return the parameters, the number of updates and the optimizer state."""
        return {**super().state_dict(), "rule": self._optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the server from `state`, which `state_dict` returned."""
        super().load_state_dict(state)
        self._optimizer.load_state_dict(state["rule"])


def check_pushed(given: Sequence[Tensor], parameters: Sequence[Tensor]) -> None:
    """Raise `ValueError` if pushed tensors differ in shape from the parameters, or contain infinity or NaN."""
    theirs, ours = [tuple(t.shape) for t in given], [tuple(t.shape) for t in parameters]
    if theirs != ours:
        other = next((pair for pair in zip(theirs, ours) if pair[0] != pair[1]), (len(theirs), len(ours)))
        raise ValueError(f"the pushed tensors are of a different model: {other[0]} instead of the server's {other[1]}")
    # If the sum of a tensor is finite, all its elements are finite, so it needs no further check.
    doubtful = [(k, t) for k, t in enumerate(given) if not bool(torch.isfinite(t.sum()))]
    ill = [number for number, tensor in doubtful if not bool(torch.isfinite(tensor).all())]
    if ill:
        raise ValueError(
            f"nothing was applied, because tensor {ill[0]} of the {len(given)} pushed tensors has NaN or infinity"
        )


def _adagrad(parameters: list[Tensor]) -> Optimizer:
    """Return Adagrad, which the Downpour paper uses, with a learning rate of 0.01."""
    return Adagrad(parameters, lr=0.01)
