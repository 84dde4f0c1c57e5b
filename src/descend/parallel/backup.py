"""Backup workers: synchronous steps that do not wait for the slowest replicas (Chen et al. 2016, §3).

Each step uses the first `wanted` gradients that arrive. The gradients of slower replicas are dropped, and their batches
are assigned again.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from descend.parallel.batch_queue import BatchQueue
from descend.parallel.packing import contiguous_copies
from descend.parallel.replica import DownpourReplica
from descend.parallel.server import DownpourServer, Fetched, Rule, Server


class GradientSum:
    """The sum and the number of the gradients that have arrived for one step. A step needs `wanted` gradients.

    sums: zero tensors with the parameters' shapes, which accumulate the gradients. came: a zero tensor with one
    element, which counts them. Both can be in shared memory. Raises `ValueError` if `wanted` is below 1.
    """

    def __init__(self, wanted: int, sums: Sequence[Tensor], came: Tensor) -> None:
        if wanted < 1:
            raise ValueError(f"wanted must be at least 1 gradient, not {wanted}")
        self.wanted, self.sums, self.came = wanted, sums, came

    def add(self, gradients: Sequence[Tensor]) -> None:
        """Add the gradients of one replica: one tensor per parameter, of the parameter's shape."""
        for total, gradient in zip(self.sums, gradients):
            total += gradient.detach()
        self.came += 1

    def is_step_due(self, attending: int) -> bool:
        """Return whether enough gradients have arrived for a step in which `attending` replicas take part."""
        came = int(self.came)
        return came > 0 and came >= min(self.wanted, attending)

    def take_mean(self) -> list[Tensor]:
        """Return the mean gradient of each parameter, and reset the sum and the number of gradients to zero."""
        means = [total / int(self.came) for total in self.sums]
        self.came.zero_()
        for total in self.sums:
            total.zero_()
        return means


class BackupServer(DownpourServer):
    """A parameter server that takes each step with the mean of the first `wanted` gradients, and drops late ones.

    Once replicas have called `attend`, a step needs at most as many gradients as replicas take part. A server in its
    own process answers a push after the step.

    Parameters
    ----------
    parameters : sequence of torch.Tensor
        The initial parameters, which are copied.
    wanted : int
        The number of gradients of a step.
    rule : callable, optional
        Returns the optimizer for the server's parameters. Default: Adagrad with a learning rate of 0.01.

    Raises
    ------
    ValueError
        If `wanted` is below 1.
    """

    def __init__(self, parameters: Sequence[Tensor], wanted: int, rule: Rule | None = None) -> None:
        super().__init__(parameters, rule)
        sums = contiguous_copies([torch.zeros_like(p) for p in self.parameters])
        self._gradient_sum = GradientSum(wanted, sums, torch.zeros((), dtype=torch.int64))
        self.dropped = 0
        self.attending: set[str] = set()

    def apply(self, gradients: Sequence[Tensor], fetched: Fetched) -> int:
        """Add gradients to the current step, or drop those of older parameters; return their staleness in steps.

        gradients: one tensor per parameter and of its shape.
        """
        late = self.version - fetched.version
        if late:
            self.dropped += 1
            return late
        self._gradient_sum.add(gradients)
        self._step_if_due()
        return 0

    def attend(self, replica: str, attends: bool) -> None:
        """Record whether a replica takes part in the next steps, and take a step if enough gradients have arrived."""
        (self.attending.add if attends else self.attending.discard)(replica)
        self._step_if_due()

    def _step_if_due(self) -> None:
        """Take a step with the mean gradient if enough gradients have arrived."""
        if self._gradient_sum.is_step_due(len(self.attending) or self._gradient_sum.wanted):
            self.update(self._gradient_sum.take_mean(), Fetched(self.version, []))
            self.version += 1

    def state_dict(self) -> dict[str, Any]:
        """Return the server's state, without the gradients of an unfinished step."""
        return {**super().state_dict(), "dropped": self.dropped, "attending": sorted(self.attending)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the server from `state`, which `state_dict` returned."""
        super().load_state_dict(state)
        self.dropped, self.attending = state["dropped"], set(state["attending"])


class BackupReplica(DownpourReplica):
    """An optimizer that pushes each gradient to a `BackupServer`, and waits for the server's step.

    If a gradient was too late, its batch returns to the queue.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    server : Server
        The `BackupServer`, or the connection to it.
    batches : BatchQueue
        The queue to which the batch of a late gradient returns.
    """

    def __init__(self, params: Iterable[Any], server: Server, batches: BatchQueue) -> None:
        super().__init__(params, server)
        self.batches = batches

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Push the gradient and wait for the server's step; report to the batch queue whether the gradient was used."""
        before = len(self.traffic.staleness)
        loss = super().step(closure)
        late = self.traffic.staleness[before:]
        self.batches.report_step(late == [0])
        return loss
