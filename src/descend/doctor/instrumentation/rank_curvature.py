"""Measure the curvature of the loss that is averaged over the ranks of a process group.

Rank 0 runs the measurement and broadcasts each vector; all ranks compute their Hessian-vector product. The backward
passes of `DistributedDataParallel` keep the ranks at the same step. If a rank is missing, the measurements end and the
training goes on.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from descend.doctor.instrumentation.tape_control import is_gradient
from descend.doctor.measure import Snapshot, Unavailable
from descend.doctor.measure.curvature import hessian_of
from descend.doctor.tape import StaleData
from descend.landscape import CurvatureUnavailable
from descend.landscape.loss import Hessian, Theta
from descend.landscape.vectors import flat, shaped

# first step at which the ranks measure together, and factor from the number of one such step to that of the next
FIRST, GROWTH = 8, 1.35
PATIENCE = timedelta(seconds=60)  # longest wait for another rank
HIDDEN = "the mean of the ranks' replayed gradients differs from the script's gradient, which a hook may have changed"
APART = "the ranks are at different steps, so there are no common parameters for the averaged loss"


class RankCurvature:
    """Measures the common curvature in one of the ranks. `averages` returns whether the ranks average gradients."""

    def __init__(self, rank: int, averages: Callable[[], bool], note: Callable[[str, str, int], None]) -> None:
        self.rank, self._averages, self._note = rank, averages, note
        self.next: float = FIRST  # next step at which the ranks measure together
        self._group: dist.ProcessGroup | None = None

    def is_due(self, step: int) -> bool:
        """Return whether the ranks measure the curvature together at this step."""
        return step >= self.next and self.replaces_own_curvature

    @property
    def replaces_own_curvature(self) -> bool:
        """Return whether the ranks measure the curvature together, so that rank 0 does not measure its own."""
        return self.next < float("inf") and dist.is_available() and dist.is_initialized() and self._averages()

    def measure(self, snapshot: Snapshot, ready: bool, run_probe: Callable[[Snapshot], None], charge: Callable) -> None:
        """Measure the curvature if all ranks are `ready`: rank 0 calls `run_probe`, the others compute products."""
        self.next = max(snapshot.step + 1, int(snapshot.step * GROWTH + 0.999))
        try:
            if not self._all_ready(snapshot.step, ready):
                return
            self._check_gradient(snapshot)
            if self.rank:
                with charge("curvature"):
                    self._compute_products(snapshot)
            else:
                with self._serving_ranks(snapshot.parameters):
                    run_probe(replace(snapshot, averaged=lambda hessian: _AveragedHessian(hessian, self._mean_product)))
        except Exception as error:  # If a rank has failed or is late, the training itself will report it.
            self.next = float("inf")
            self._note("curvature of all ranks", str(error).strip().splitlines()[0], snapshot.step)

    def _all_ready(self, step: int, ready: bool) -> bool:
        """Return whether all ranks are ready to measure. Raises `RuntimeError` if they are at different steps."""
        if self._group is None:
            self._group = dist.new_group(backend="gloo", timeout=PATIENCE)
        message = torch.tensor([step, -step, int(ready)])
        dist.all_reduce(message, dist.ReduceOp.MIN, group=self._group)
        if int(message[0]) != -int(message[1]):
            raise RuntimeError(APART)
        return bool(message[2])

    def _check_gradient(self, snapshot: Snapshot) -> None:
        """Raise `RuntimeError` if the mean of the ranks' replayed gradients is not the script's averaged gradient."""
        own = torch.full_like(flat(snapshot.parameters), float("nan"))
        with suppress(StaleData, CurvatureUnavailable):
            if snapshot.recording is not None:
                own = flat(snapshot.recording.loss(snapshot.parameters).gradient(snapshot.parameters))
        mean = self._sum_over_ranks(own) / dist.get_world_size(self._group)
        if not is_gradient(shaped(mean, snapshot.parameters), snapshot.gradients):
            raise RuntimeError(HIDDEN)

    @contextmanager
    def _serving_ranks(self, parameters: Theta) -> Iterator[None]:
        """Let the other ranks compute products until the `with` block ends; then end their loop."""
        try:
            yield
        finally:
            self._broadcast(torch.zeros_like(flat(parameters)), goes_on=False)

    def _compute_products(self, snapshot: Snapshot) -> None:
        """Compute this rank's Hessian-vector product for each vector that rank 0 broadcasts."""
        like = flat(snapshot.parameters)
        hessian: Hessian | None = None
        while (row := self._broadcast(like)) is not None:
            own = torch.full_like(like, float("nan"))  # NaN means that this rank could not compute its product.
            with suppress(CurvatureUnavailable, StaleData, Unavailable):
                hessian = hessian or hessian_of(snapshot)
                own = _flat_mean(hessian.products(shaped(row, snapshot.parameters)))
            self._sum_over_ranks(own)

    def _mean_product(self, row: Tensor, own: Callable[[], Tensor]) -> Tensor:
        """Return the mean of the Hessian-vector product over all ranks; `own` computes the product of this rank."""
        self._broadcast(row)
        found = torch.full_like(row, float("nan"))
        try:
            found = own()
        finally:
            total = self._sum_over_ranks(found)
        return total / dist.get_world_size(self._group)

    def _broadcast(self, row: Tensor, *, goes_on: bool = True) -> Tensor | None:
        """Broadcast a vector from rank 0 to all ranks and return it; None if rank 0 has finished."""
        message = torch.cat([row, row.new_tensor([float(goes_on)])]).cpu()
        dist.broadcast(message, 0, group=self._group)
        return message[:-1].to(row.device) if message[-1] else None

    def _sum_over_ranks(self, row: Tensor) -> Tensor:
        """Return the sum of the ranks' vectors."""
        held = row.cpu()
        dist.all_reduce(held, group=self._group)
        return held.to(row.device)


@dataclass(frozen=True)
class _AveragedHessian:
    """The Hessian of the loss averaged over all ranks, with the interface of one rank's Hessian."""

    own: Hessian
    pool: Callable[[Tensor, Callable[[], Tensor]], Tensor]

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        """Return this rank's Hessian-vector products, shifted so that their mean is the mean over all ranks."""
        parts: list[tuple[Tensor, ...]] = []

        def compute_own() -> Tensor:
            """Compute and store this rank's Hessian-vector products, and return their mean."""
            parts.extend(self.own.products(vector))
            return _flat_mean(parts)

        everywhere = self.pool(flat(vector), compute_own)
        if not bool(torch.isfinite(everywhere).all()):
            raise CurvatureUnavailable("not every rank could compute the curvature of its examples")
        others = everywhere - _flat_mean(parts)
        return [shaped(flat(part) + others, vector) for part in parts]


def _flat_mean(parts: list[tuple[Tensor, ...]]) -> Tensor:
    """Return the mean of several gradients or Hessian-vector products, as one flat vector."""
    return torch.stack([flat(part) for part in parts]).mean(0)
