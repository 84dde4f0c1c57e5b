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


class BackupServer(DownpourServer):
    """Steps on the mean of the first `wanted` gradients that are taken from the parameters as they are.

    It wants no more than there are replicas that attend, once any has said so. In a process of its own it answers a
    push when the step is made. rule: as of `DownpourServer`. Raises `ValueError` for fewer than one.
    """

    def __init__(self, parameters: Sequence[Tensor], wanted: int, rule: Rule | None = None) -> None:
        if wanted < 1:
            raise ValueError(f"wanted must be at least 1 gradient, not {wanted}")
        super().__init__(parameters, rule)
        self.wanted, self.dropped = wanted, 0
        self.attending: set[str] = set()
        self._sum = in_a_row([torch.zeros_like(p) for p in self.parameters])
        self._came = 0

    def apply(self, gradients: Sequence[Tensor], fetched: Fetched) -> int:
        """Count gradients in, or drop them where the step was made without them; return how many steps were."""
        late = self.version - fetched.version
        if late:
            self.dropped += 1
            return late
        for total, gradient in zip(self._sum, gradients):
            total += gradient.detach()
        self._came += 1
        self._step_if_due()
        return 0

    def attend(self, replica: str, attends: bool) -> None:
        """Wait for a replica's gradients from now on, or no more."""
        (self.attending.add if attends else self.attending.discard)(replica)
        self._step_if_due()

    def _step_if_due(self) -> None:
        wanted = min(self.wanted, len(self.attending) or self.wanted)
        if self._came and self._came >= wanted:
            self.update([total / self._came for total in self._sum], Fetched(self.version, []))
            self.version, self._came = self.version + 1, 0
            for total in self._sum:
                total.zero_()

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
