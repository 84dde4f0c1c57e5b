"""The ranks of a group look at their averaged loss together: the first asks for products, the others answer.

The backward passes of `DistributedDataParallel` keep the ranks in step, so that all come to the same meeting. Where one
does not, the meetings are over: the training goes on without them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from descend.doctor.observing.taping import is_gradient
from descend.doctor.probes import Snapshot, Unavailable
from descend.doctor.probes.curvature import hessian_of
from descend.doctor.tape import Stale
from descend.landscape import CurvatureUnavailable
from descend.landscape.loss import Hessian, Theta
from descend.landscape.vectors import flat, shaped

FIRST, GROWTH = 8, 1.35  # the first meeting's step, and how much later each is than the one before
PATIENCE = timedelta(seconds=60)  # with a rank that does not come
HIDDEN = "the mean of the ranks' replayed gradients is not the script's (a hook may change it)"
APART = "the ranks are not at the same step, so their loss has no curvature at one point"


class Together:
    """One rank's part in the meetings. averages: whether gradients are averaged over the ranks in each pass."""

    def __init__(self, rank: int, averages: Callable[[], bool], note: Callable[[str, str, int], None]) -> None:
        self.rank, self._averages, self._note = rank, averages, note
        self.next: float = FIRST  # meeting's step
        self._group: dist.ProcessGroup | None = None

    def is_due(self, step: int) -> bool:
        """Whether this step is one of a meeting."""
        return step >= self.next and self.replaces

    @property
    def replaces(self) -> bool:
        """Whether what one rank measures by itself is left to the meetings."""
        return self.next < float("inf") and dist.is_available() and dist.is_initialized() and self._averages()

    def look(self, snapshot: Snapshot, ready: bool, ask: Callable[[Snapshot], None], charge: Callable) -> None:
        """Meet: where all ranks are `ready`, the first one measures with `ask`, and the others answer it."""
        self.next = max(snapshot.step + 1, int(snapshot.step * GROWTH + 0.999))
        try:
            if not self._all_ready(snapshot.step, ready):
                return
            self._check(snapshot)
            if self.rank:
                with charge("curvature"):
                    self._answer(snapshot)
            else:
                with self._asking(snapshot.parameters):
                    ask(replace(snapshot, averaged=lambda hessian: _Averaged(hessian, self._pool)))
        except Exception as error:  # a rank is gone or late: that is for the training to tell
            self.next = float("inf")
            self._note("curvature of all ranks", str(error).strip().splitlines()[0], snapshot.step)

    def _all_ready(self, step: int, ready: bool) -> bool:
        if self._group is None:
            self._group = dist.new_group(backend="gloo", timeout=PATIENCE)
        told = torch.tensor([step, -step, int(ready)])
        dist.all_reduce(told, dist.ReduceOp.MIN, group=self._group)
        if int(told[0]) != -int(told[1]):
            raise RuntimeError(APART)
        return bool(told[2])

    def _check(self, snapshot: Snapshot) -> None:
        """See whether what the ranks replay is, on average, what the script steps on. Raises `RuntimeError`."""
        own = torch.full_like(flat(snapshot.parameters), float("nan"))
        with suppress(Stale, CurvatureUnavailable):
            if snapshot.recording is not None:
                own = flat(snapshot.recording.loss(snapshot.parameters).gradient(snapshot.parameters))
        mean = self._sum(own) / dist.get_world_size(self._group)
        if not is_gradient(shaped(mean, snapshot.parameters), snapshot.gradients):
            raise RuntimeError(HIDDEN)

    @contextmanager
    def _asking(self, parameters: Theta) -> Iterator[None]:
        try:
            yield
        finally:
            self._tell(torch.zeros_like(flat(parameters)), goes_on=False)

    def _answer(self, snapshot: Snapshot) -> None:
        like = flat(snapshot.parameters)
        hessian: Hessian | None = None
        while (row := self._tell(like)) is not None:
            own = torch.full_like(like, float("nan"))  # what cannot be answered
            with suppress(CurvatureUnavailable, Stale, Unavailable):
                hessian = hessian or hessian_of(snapshot)
                own = _mean(hessian.products(shaped(row, snapshot.parameters)))
            self._sum(own)

    def _pool(self, row: Tensor, own: Callable[[], Tensor]) -> Tensor:
        """Return the mean over all ranks of H v, of which this one's is computed by `own`."""
        self._tell(row)
        found = torch.full_like(row, float("nan"))
        try:
            found = own()
        finally:
            total = self._sum(found)
        return total / dist.get_world_size(self._group)

    def _tell(self, row: Tensor, *, goes_on: bool = True) -> Tensor | None:
        """Send the first rank's row to all; return it, none where that has come to an end."""
        told = torch.cat([row, row.new_tensor([float(goes_on)])]).cpu()
        dist.broadcast(told, 0, group=self._group)
        return told[:-1].to(row.device) if told[-1] else None

    def _sum(self, row: Tensor) -> Tensor:
        held = row.cpu()
        dist.all_reduce(held, group=self._group)
        return held.to(row.device)


@dataclass(frozen=True)
class _Averaged:
    """The mean of the ranks' Hessians; its parts scatter about it as those of this rank do."""

    own: Hessian
    pool: Callable[[Tensor, Callable[[], Tensor]], Tensor]

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        parts: list[tuple[Tensor, ...]] = []

        def own() -> Tensor:
            parts.extend(self.own.products(vector))
            return _mean(parts)

        everywhere = self.pool(flat(vector), own)
        if not bool(torch.isfinite(everywhere).all()):
            raise CurvatureUnavailable("not every rank could compute the curvature of its examples")
        others = everywhere - _mean(parts)
        return [shaped(flat(part) + others, vector) for part in parts]


def _mean(parts: list[tuple[Tensor, ...]]) -> Tensor:
    return torch.stack([flat(part) for part in parts]).mean(0)
