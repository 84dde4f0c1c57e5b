"""Backup workers: synchronous steps that do not wait for the slowest (Chen et al. 2016, §3).

Of all replicas the first so many whose gradients come make the step; what the others were computing is dropped, and
their batches are dealt out once more.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from descend.parallel.dealing import Dealt
from descend.parallel.messages import in_a_row
from descend.parallel.replica import DownpourReplica
from descend.parallel.server import DownpourServer, Fetched, Rule, Server


class Gathered:
    """The gradients of one step as they come, until `wanted` have. Raises `ValueError` for fewer than one.

    sums, came: where their sum and number are kept, which may be memory that processes share; all zero.
    """

    def __init__(self, wanted: int, sums: Sequence[Tensor], came: Tensor) -> None:
        if wanted < 1:
            raise ValueError(f"wanted must be at least 1 gradient, not {wanted}")
        self.wanted, self.sums, self.came = wanted, sums, came

    def add(self, gradients: Sequence[Tensor]) -> None:
        """Count gradients in."""
        for total, gradient in zip(self.sums, gradients):
            total += gradient.detach()
        self.came += 1

    def are_enough(self, attending: int) -> bool:
        """Whether the step is due, where so many replicas attend."""
        came = int(self.came)
        return came > 0 and came >= min(self.wanted, attending)

    def taken(self) -> list[Tensor]:
        """Return the mean, and begin the next step's sum."""
        means = [total / int(self.came) for total in self.sums]
        self.came.zero_()
        for total in self.sums:
            total.zero_()
        return means


class BackupServer(DownpourServer):
    """Steps on the mean of the first `wanted` gradients that are taken from the parameters as they are.

    It wants no more than there are replicas that attend, once any has said so. In a process of its own it answers a
    push when the step is made. rule: as of `DownpourServer`. Raises `ValueError` for fewer than one.
    """

    def __init__(self, parameters: Sequence[Tensor], wanted: int, rule: Rule | None = None) -> None:
        super().__init__(parameters, rule)
        sums = in_a_row([torch.zeros_like(p) for p in self.parameters])
        self._gathered = Gathered(wanted, sums, torch.zeros((), dtype=torch.int64))
        self.dropped = 0
        self.attending: set[str] = set()

    def apply(self, gradients: Sequence[Tensor], fetched: Fetched) -> int:
        """Count gradients in, or drop them where the step was made without them; return how many steps were."""
        late = self.version - fetched.version
        if late:
            self.dropped += 1
            return late
        self._gathered.add(gradients)
        self._step_if_due()
        return 0

    def attend(self, replica: str, attends: bool) -> None:
        """Wait for a replica's gradients from now on, or no more."""
        (self.attending.add if attends else self.attending.discard)(replica)
        self._step_if_due()

    def _step_if_due(self) -> None:
        if self._gathered.are_enough(len(self.attending) or self._gathered.wanted):
            self.update(self._gathered.taken(), Fetched(self.version, []))
            self.version += 1

    def state_dict(self) -> dict[str, Any]:
        """Return the server's state, without the gradients of a step that is not made yet."""
        return {**super().state_dict(), "dropped": self.dropped, "attending": sorted(self.attending)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        super().load_state_dict(state)
        self.dropped, self.attending = state["dropped"], set(state["attending"])


class BackupReplica(DownpourReplica):
    """Pushes each gradient, waits for the step, and gives back the batch of one that came too late."""

    def __init__(self, params: Iterable[Any], server: Server, batches: Dealt) -> None:
        super().__init__(params, server)
        self.batches = batches

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step with the others."""
        before = len(self.traffic.staleness)
        loss = super().step(closure)
        late = self.traffic.staleness[before:]
        self.batches.stepped(late == [0])
        return loss
