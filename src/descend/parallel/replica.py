"""A replica's side of the asynchronous schemes, as an optimizer of its own model: three lines of a loop change.

A replica steps on its own copy of the parameters; now and then it talks to a server or a centre, in this process or in
another. It reports how stale its gradients were, how far the centre pulled it, and how many bytes it moved.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.parallel.server import Server


@dataclass
class Traffic:
    """What a replica has sent and received.

    staleness: of each push, the updates between fetch and push; pulled: how far the centre moved it each time,
    α times its distance from there.
    """

    bytes: int = 0
    staleness: list[int] = field(default_factory=list)
    pulled: list[float] = field(default_factory=list)

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Count tensors that were moved."""
        self.bytes += sum(t.numel() * t.element_size() for t in tensors)


class DownpourReplica(Optimizer):
    """Pushes the sum of `n_push` gradients and fetches every `n_fetch` steps; between them it steps by itself.

    Dean et al. 2012, algorithm 1.1: the local step is gradient descent with the rate `lr`. Both counts of 1 leave all
    to the server's rule. Raises `ValueError` for counts below 1.

    >>> optimizer = DownpourReplica(model.parameters(), server, n_push=4, n_fetch=4)
    """

    def __init__(
        self, params: Iterable[Any], server: Server, *, n_push: int = 1, n_fetch: int = 1, lr: float = 0.01
    ) -> None:
        for name, count in (("n_push", n_push), ("n_fetch", n_fetch)):
            if count < 1:
                raise ValueError(f"{name} must be at least 1, not {count}")
        super().__init__(params, {"lr": lr})
        self.server, self.n_push, self.n_fetch = server, n_push, n_fetch
        self.traffic, self.steps = Traffic(), 0
        self._own = _parameters(self)
        self._accrued = [torch.zeros_like(p) for p in self._own]
        self._fetch()

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; talk to the server where it is due."""
        loss = _closed(closure)
        for parameter, accrued, lr in zip(self._own, self._accrued, _rates(self)):
            if parameter.grad is not None:
                accrued += parameter.grad
                parameter -= lr * parameter.grad
        self.steps += 1
        if self.steps % self.n_push == 0:
            late = self.server.push(self._accrued, self._fetched)
            self.traffic.add(self._accrued)
            if late is None:
                self._fetch()
            else:
                self.traffic.staleness.append(late)
            for accrued in self._accrued:
                accrued.zero_()
        if self.steps % self.n_fetch == 0:
            self._fetch()
        return loss

    def collect(self) -> None:
        """Put the server's parameters, which are the result, into the model."""
        self._fetch()

    @torch.no_grad()
    def _fetch(self) -> None:
        self._fetched = self.server.fetch()
        self.traffic.add([*self._fetched.parameters, *self._fetched.memory])
        for parameter, given in zip(self._own, self._fetched.parameters, strict=True):
            parameter.copy_(given)


class Exchanges(Protocol):
    """A centre, in this process or in another."""

    @property
    def parameters(self) -> list[Tensor]:
        """Where it is."""
        ...

    def exchange(self, replica: Sequence[Tensor]) -> list[Tensor]:
        """Return where the replica is pulled to."""
        ...


class ElasticReplica:
    """Steps by any optimizer of its own, and lets the centre pull at it every `period` steps (τ).

    Elastic averaging SGD; with Nesterov's momentum in `optimizer` it is the paper's EAMSGD. Raises `ValueError` for a
    period below 1.

    >>> optimizer = ElasticReplica(torch.optim.SGD(model.parameters(), lr=0.1), centre, period=10)
    """

    def __init__(self, optimizer: Optimizer, centre: Exchanges, *, period: int = 10) -> None:
        if period < 1:
            raise ValueError(f"period must be at least 1, not {period}")
        self.optimizer, self.centre, self.period = optimizer, centre, period
        self.traffic, self.steps = Traffic(), 0

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients."""
        self.optimizer.zero_grad(set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; exchange with the centre where it is due."""
        loss = self.optimizer.step(closure)
        self.steps += 1
        if self.steps % self.period == 0:
            self._exchange()
        return loss

    @torch.no_grad()
    def collect(self) -> None:
        """Put the centre's parameters, which are the result, into the model."""
        for parameter, centre in zip(_parameters(self.optimizer), self.centre.parameters, strict=True):
            parameter.copy_(centre)

    @torch.no_grad()
    def _exchange(self) -> None:
        own = _parameters(self.optimizer)
        sent = [p.detach().clone() for p in own]
        pulled = self.centre.exchange(sent)
        moved = torch.stack([(before - after).norm() for before, after in zip(sent, pulled)]).norm()
        self.traffic.pulled.append(float(moved))
        self.traffic.add([*sent, *pulled])
        for parameter, given in zip(own, pulled, strict=True):
            parameter.copy_(given)


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _rates(optimizer: Optimizer) -> list[float]:
    return [group["lr"] for group in optimizer.param_groups for _ in group["params"]]


def _closed(closure: Callable[[], Any] | None) -> Any:
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()
