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

from descend.parallel.behind import Behind
from descend.parallel.messages import in_a_row
from descend.parallel.server import Fetched, Server


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


@dataclass(frozen=True)
class Talk:
    """What was pushed, how late it was, none where the server had lost what it began from, and what was fetched.

    asked_at: where the replica was when it asked.
    """

    pushed: Sequence[Tensor] | None
    staleness: int | None
    fetched: Fetched | None
    asked_at: Sequence[Tensor]


class DownpourReplica(Optimizer):
    """Pushes the sum of `n_push` gradients and fetches every `n_fetch` steps; between them it steps by itself.

    Dean et al. 2012, algorithm 1.1: the local step is gradient descent with the rate `lr`. Both counts of 1 leave all
    to the server's rule. waits: for the server's answer; or else it steps on meanwhile, as in the paper, and what comes
    is where it goes on from, with the steps that it has taken since it asked. Raises `ValueError` for counts below 1.

    >>> optimizer = DownpourReplica(model.parameters(), server, n_push=4, n_fetch=4)
    """

    def __init__(
        self,
        params: Iterable[Any],
        server: Server,
        *,
        n_push: int = 1,
        n_fetch: int = 1,
        lr: float = 0.01,
        waits: bool = True,
    ) -> None:
        for name, count in (("n_push", n_push), ("n_fetch", n_fetch)):
            if count < 1:
                raise ValueError(f"{name} must be at least 1, not {count}")
        super().__init__(params, {"lr": lr})
        self.server, self.n_push, self.n_fetch = server, n_push, n_fetch
        self.traffic, self.steps = Traffic(), 0
        self._own = _parameters(self)
        self._accrued = self._nothing()
        self._talk: Behind[Talk] = Behind(waits)
        self._since: Fetched | None = None  # what was at hand when the first of the accrued gradients was taken
        self.collect()

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; talk to the server where it is due."""
        loss = _closed(closure)
        self._since = self._since or self._fetched
        for parameter, accrued, lr in zip(self._own, self._accrued, _rates(self)):
            if parameter.grad is not None:
                accrued += parameter.grad
                parameter -= lr * parameter.grad
        self.steps += 1
        pushes, fetches = self.steps % self.n_push == 0, self.steps % self.n_fetch == 0
        self._hear(wait=pushes or fetches)
        if pushes or fetches:
            self._say(pushes, fetches)
            self._hear()
        return loss

    def settle(self) -> None:
        """Wait for what was pushed to be applied."""
        self._hear(wait=True)

    def collect(self) -> None:
        """Put the server's parameters, which are the result, into the model."""
        self.settle()
        self._say(False, True)
        self._hear(wait=True)

    def _nothing(self) -> list[Tensor]:
        return in_a_row([torch.zeros_like(p) for p in self._own])

    def _say(self, pushes: bool, fetches: bool) -> None:
        server, accrued, since = self.server, None, None
        asked_at = [p.detach().clone() for p in self._own]
        if pushes:
            accrued, since = self._accrued, self._since
            self._accrued, self._since = self._nothing(), None

        def talk() -> Talk:
            late = server.push(accrued, since) if accrued and since else 0
            return Talk(accrued, late, server.fetch() if fetches or late is None else None, asked_at)

        self._talk.start(talk)

    @torch.no_grad()
    def _hear(self, *, wait: bool = False) -> None:
        told = self._talk.taken(wait=wait)
        if told is None:
            return
        if told.pushed:
            self.traffic.add(told.pushed)
            if told.staleness is not None:
                self.traffic.staleness.append(told.staleness)
        if told.fetched:
            self._fetched = told.fetched
            self.traffic.add([*told.fetched.parameters, *told.fetched.memory])
            for parameter, given, before in zip(self._own, told.fetched.parameters, told.asked_at, strict=True):
                parameter.copy_(given + (parameter - before))


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

    Elastic averaging SGD; with Nesterov's momentum in `optimizer` it is the paper's EAMSGD. waits: for the centre, or
    else it steps on meanwhile, and is moved as far as the centre has moved, when that is known. Raises `ValueError` for
    a period below 1.

    >>> optimizer = ElasticReplica(torch.optim.SGD(model.parameters(), lr=0.1), centre, period=10)
    """

    def __init__(self, optimizer: Optimizer, centre: Exchanges, *, period: int = 10, waits: bool = True) -> None:
        if period < 1:
            raise ValueError(f"period must be at least 1, not {period}")
        self.optimizer, self.centre, self.period = optimizer, centre, period
        self.traffic, self.steps = Traffic(), 0
        self._talk: Behind[tuple[list[Tensor], list[Tensor]]] = Behind(waits)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients."""
        self.optimizer.zero_grad(set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; exchange with the centre where it is due."""
        loss = self.optimizer.step(closure)
        self.steps += 1
        due = self.steps % self.period == 0
        self._hear(wait=due)
        if due:
            sent = in_a_row(_parameters(self.optimizer))
            self._talk.start(lambda: (sent, self.centre.exchange(sent)))
            self._hear()
        return loss

    def settle(self) -> None:
        """Wait for what was exchanged to arrive."""
        self._hear(wait=True)

    @torch.no_grad()
    def collect(self) -> None:
        """Put the centre's parameters, which are the result, into the model."""
        self.settle()
        for parameter, centre in zip(_parameters(self.optimizer), self.centre.parameters, strict=True):
            parameter.copy_(centre)

    @torch.no_grad()
    def _hear(self, *, wait: bool = False) -> None:
        told = self._talk.taken(wait=wait)
        if told is None:
            return
        sent, pulled = told
        moves = [after - before for before, after in zip(sent, pulled, strict=True)]
        self.traffic.pulled.append(float(torch.stack([move.norm() for move in moves]).norm()))
        self.traffic.add([*sent, *pulled])
        for parameter, move in zip(_parameters(self.optimizer), moves, strict=True):
            parameter += move


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _rates(optimizer: Optimizer) -> list[float]:
    return [group["lr"] for group in optimizer.param_groups for _ in group["params"]]


def _closed(closure: Callable[[], Any] | None) -> Any:
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()
