"""Optimizers for asynchronous replicas, which need only three changed lines in a training loop.

A replica steps on its own copy of the parameters, and regularly exchanges with a server or a centre. It records how
stale its gradients were, how far the centre pulled it, and how many bytes were transferred.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.parallel.background_call import BackgroundCall
from descend.parallel.packing import contiguous_copies
from descend.parallel.server import Fetched, Server


@dataclass
class Traffic:
    """Statistics of a replica's communication with the server.

    Parameters
    ----------
    bytes : int
        The number of bytes sent and received.
    staleness : list of int
        For each push, the number of updates since the fetch.
    pulled : list of float
        For each exchange, the norm of the replica's move, which is α times its distance to the centre.
    """

    bytes: int = 0
    staleness: list[int] = field(default_factory=list)
    pulled: list[float] = field(default_factory=list)

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Add the sizes of transferred tensors to the number of bytes."""
        self.bytes += sum(t.numel() * t.element_size() for t in tensors)


@dataclass(frozen=True)
class Exchange:
    """The result of one exchange of a replica with the parameter server.

    pushed: the pushed gradients. staleness: None if the server lost the updates that the gradients were based on.
    fetched: the new parameters. parameters_before: the replica's parameters at the start of the exchange.
    """

    pushed: Sequence[Tensor] | None
    staleness: int | None
    fetched: Fetched | None
    parameters_before: Sequence[Tensor]


class DownpourReplica(Optimizer):
    """An optimizer that pushes the sum of `n_push` gradients to a server, and fetches parameters every `n_fetch` steps.

    In between it takes gradient descent steps with learning rate `lr` (Dean et al. 2012, algorithm 1.1).

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    server : Server
        The server, or the connection to it.
    n_push : int
        The number of steps between two pushes.
    n_fetch : int
        The number of steps between two fetches.
    lr : float
        The learning rate of the replica's own steps.
    waits : bool
        Whether to wait for the server's answer. Otherwise training continues, and the steps taken in the meantime are
        added to the fetched parameters.

    Raises
    ------
    ValueError
        For counts below 1.

    Examples
    --------
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
        self._own = _all_parameters(self)
        self._accrued = self._zero_gradients()
        self._talk: BackgroundCall[Exchange] = BackgroundCall(waits)
        self._since: Fetched | None = None  # the fetched parameters of the first accumulated gradient
        self.collect()

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one local step, and exchange with the server if a push or a fetch is due."""
        loss = _evaluate_closure(closure)
        self._since = self._since or self._fetched
        for parameter, accrued, lr in zip(self._own, self._accrued, _learning_rates(self)):
            if parameter.grad is not None:
                accrued += parameter.grad
                parameter -= lr * parameter.grad
        self.steps += 1
        pushes, fetches = self.steps % self.n_push == 0, self.steps % self.n_fetch == 0
        self._apply_exchange(wait=pushes or fetches)
        if pushes or fetches:
            self._start_exchange(pushes, fetches)
            self._apply_exchange()
        return loss

    def settle(self) -> None:
        """Wait until the running exchange with the server has finished, and apply its result."""
        self._apply_exchange(wait=True)

    def collect(self) -> None:
        """Copy the server's parameters, which are the result of training, into the model."""
        self.settle()
        self._start_exchange(False, True)
        self._apply_exchange(wait=True)

    def _zero_gradients(self) -> list[Tensor]:
        """Return zero tensors with the shapes of the parameters, in which gradients accumulate."""
        return contiguous_copies([torch.zeros_like(p) for p in self._own])

    def _start_exchange(self, pushes: bool, fetches: bool) -> None:
        """Start an exchange with the server, in a background thread unless the replica waits for answers."""
        server, accrued, since = self.server, None, None
        parameters_before = [p.detach().clone() for p in self._own]
        if pushes:
            accrued, since = self._accrued, self._since
            self._accrued, self._since = self._zero_gradients(), None

        def exchange() -> Exchange:
            """Push the accumulated gradients if there are any, and fetch the parameters if this was requested."""
            late = server.push(accrued, since) if accrued and since else 0
            return Exchange(accrued, late, server.fetch() if fetches or late is None else None, parameters_before)

        self._talk.start(exchange)

    @torch.no_grad()
    def _apply_exchange(self, *, wait: bool = False) -> None:
        """Apply the result of the running exchange if the exchange has finished; with `wait`, wait for it."""
        result = self._talk.take_result(wait=wait)
        if result is None:
            return
        if result.pushed:
            self.traffic.add(result.pushed)
            if result.staleness is not None:
                self.traffic.staleness.append(result.staleness)
        if result.fetched:
            self._fetched = result.fetched
            self.traffic.add([*result.fetched.parameters, *result.fetched.memory])
            for parameter, given, before in zip(
                self._own, result.fetched.parameters, result.parameters_before, strict=True
            ):
                parameter.copy_(given + (parameter - before))


class CentreProtocol(Protocol):
    """The centre variable of elastic averaging SGD, in this process or in another."""

    @property
    def parameters(self) -> list[Tensor]:
        """Return the centre's parameters."""
        ...

    def exchange(self, replica: Sequence[Tensor]) -> list[Tensor]:
        """Move the centre towards a replica, and return the replica's new parameters, moved towards the centre."""
        ...


class ElasticReplica:
    """Elastic averaging SGD: a local optimizer that pulls its parameters to the centre every `period` steps.

    With Nesterov momentum in `optimizer` this is the paper's EAMSGD.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        The local optimizer.
    centre : Centre
        The centre, or the connection to it.
    period : int
        The number of steps between two exchanges with the centre.
    waits : bool
        Whether to wait for the centre's answer. Otherwise training continues, and the pull is added when the answer
        arrives.

    Raises
    ------
    ValueError
        For a period below 1.

    Examples
    --------
    >>> optimizer = ElasticReplica(torch.optim.SGD(model.parameters(), lr=0.1), centre, period=10)
    """

    def __init__(self, optimizer: Optimizer, centre: CentreProtocol, *, period: int = 10, waits: bool = True) -> None:
        if period < 1:
            raise ValueError(f"period must be at least 1, not {period}")
        self.optimizer, self.centre, self.period = optimizer, centre, period
        self.traffic, self.steps = Traffic(), 0
        self._talk: BackgroundCall[tuple[list[Tensor], list[Tensor]]] = BackgroundCall(waits)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of the local optimizer."""
        self.optimizer.zero_grad(set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one local step, and exchange parameters with the centre every `period` steps."""
        loss = self.optimizer.step(closure)
        self.steps += 1
        due = self.steps % self.period == 0
        self._apply_exchange(wait=due)
        if due:
            sent = contiguous_copies(_all_parameters(self.optimizer))
            self._talk.start(lambda: (sent, self.centre.exchange(sent)))
            self._apply_exchange()
        return loss

    def settle(self) -> None:
        """Wait until the running exchange with the centre has finished, and apply its result."""
        self._apply_exchange(wait=True)

    @torch.no_grad()
    def collect(self) -> None:
        """Copy the centre's parameters, which are the result of training, into the model."""
        self.settle()
        for parameter, centre in zip(_all_parameters(self.optimizer), self.centre.parameters, strict=True):
            parameter.copy_(centre)

    @torch.no_grad()
    def _apply_exchange(self, *, wait: bool = False) -> None:
        """Apply the result of the running exchange if the exchange has finished; with `wait`, wait for it."""
        result = self._talk.take_result(wait=wait)
        if result is None:
            return
        sent, pulled = result
        moves = [after - before for before, after in zip(sent, pulled, strict=True)]
        self.traffic.pulled.append(float(torch.stack([move.norm() for move in moves]).norm()))
        self.traffic.add([*sent, *pulled])
        for parameter, move in zip(_all_parameters(self.optimizer), moves, strict=True):
            parameter += move


def _all_parameters(optimizer: Optimizer) -> list[Tensor]:
    """Return the parameters of all groups of an optimizer."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _learning_rates(optimizer: Optimizer) -> list[float]:
    """Return the learning rate of each parameter of an optimizer."""
    return [group["lr"] for group in optimizer.param_groups for _ in group["params"]]


def _evaluate_closure(closure: Callable[[], Any] | None) -> Any:
    """Return the loss of the closure, computed with gradients enabled; None without a closure."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()
