"""Backup workers on one machine: each step uses the first gradients that arrive, on one model in shared memory.

A gradient of parameters that have changed in the meantime is dropped, and its batch is assigned again (Chen et al.
2016, §3). The process that delivers a step's last gradient runs the optimizer, with the optimizer state of all
processes.
"""

import fcntl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from descend.parallel.backup import GradientSum
from descend.parallel.batch_queue import BatchQueue
from descend.parallel.shared_memory import move_to_shared_memory
from descend.parallel.shares import GlobalBatches, with_batches

LOOK_S = 2e-4  # Seconds between two reads of the shared counters while a process waits.


def step_of_the_first(
    loader: DataLoader[Any], model: DistributedDataParallel, optimizer: Optimizer, wanted: int
) -> DataLoader[Any]:
    """Make each step use the first `wanted` gradients; return a loader that assigns batches dynamically.

    The processes share one model in the memory of one machine. Each example is used once per epoch. The training loop
    must run one backward pass per step.

    Parameters
    ----------
    loader : DataLoader
        The loader of the training data, with a `DistributedSampler`.
    model : DistributedDataParallel
        The model.
    optimizer : torch.optim.Optimizer
        The optimizer of this process.
    wanted : int
        The number of gradients of a step.

    Returns
    -------
    DataLoader
        The loader of this process.

    Raises
    ------
    ValueError
        If `wanted` is not between 1 and the number of processes, if the loader has no `DistributedSampler` or fewer
        than two batches per process, if the processes are on several machines, or if the model is not on the CPU.

    Examples
    --------
    >>> loader = step_of_the_first(loader, model, optimizer, 3)
    """
    world = dist.get_world_size()
    if not 1 <= wanted <= world:
        raise ValueError(f"wanted must be between 1 and {world}, the number of processes, not {wanted}")
    batches = GlobalBatches(loader)
    if len(batches) < 2 * world:
        raise ValueError(
            f"an epoch must have at least {2 * world} batches, two for each process, but it has {len(batches)}"
        )
    trained = [p for p in model.module.parameters() if p.requires_grad]
    sums, came = [torch.zeros_like(p) for p in trained], torch.zeros(1, dtype=torch.int64)
    counts = Counts(*(torch.zeros(size, dtype=torch.int64) for size in (1, 1, world)))
    memory = move_to_shared_memory(model.module, [*sums, came, *counts])
    dealt = SynchronizedBatchQueue(batches, counts.passes)
    comers = FirstComers(optimizer, trained, GradientSum(wanted, sums, came), counts, dealt, memory)
    model.broadcast_buffers = False  # Shared memory already gives all processes the same buffers.
    model.register_forward_pre_hook(comers.forward)
    model.register_comm_hook(comers, FirstComers.backward)
    optimizer.register_step_pre_hook(comers.before_step)
    optimizer.register_step_post_hook(comers.after_step)
    return with_batches(loader, dealt)


class Counts(NamedTuple):
    """Counters in shared memory that all processes read and write."""

    closed: Tensor  # shape (1,): the number of steps that have received all their gradients
    made: Tensor  # shape (1,): the number of finished optimizer steps
    passes: Tensor  # shape (processes,): twice the epochs that each process has ended, plus 1 during an epoch


class SynchronizedBatchQueue(BatchQueue):
    """A batch queue whose epochs all processes begin together, and end together after every batch has been used."""

    def __init__(self, batches: GlobalBatches, places: Tensor) -> None:
        super().__init__(batches)
        self.places = places

    def __iter__(self) -> Iterator[list[Any]]:
        self._publish_position(2 * self.passes + 1)
        self._wait_for_all()
        try:
            yield from super().__iter__()
        finally:
            self._publish_position(2 * self.passes)
        self._wait_for_all()

    def count_attending(self) -> int:
        """Return the number of processes that are in the current epoch."""
        return int((self.places == 2 * self.passes - 1).sum())

    def _publish_position(self, place: int) -> None:
        """Publish this process's position: twice the epochs it has ended, plus 1 during an epoch."""
        self.places[dist.get_rank()] = place

    def _wait_for_all(self) -> None:
        """Wait until all processes have begun and ended as many epochs as this process."""
        while int(self.places.min()) < int(self.places[dist.get_rank()]):
            time.sleep(LOOK_S)


class FirstComers:
    """Hooks of the model and optimizer in one process, which make a step use the first gradients that arrive.

    memory: a file in shared memory that holds the optimizer state.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        trained: Sequence[Tensor],
        gathered: GradientSum,
        counts: Counts,
        batches: SynchronizedBatchQueue,
        memory: BinaryIO,
    ) -> None:
        self.optimizer, self.gathered, self.counts, self.batches = optimizer, gathered, counts, batches
        self._places, self._memory = {id(p): k for k, p in enumerate(trained)}, memory
        self._read: int | None = None  # the number of finished steps when this process read the parameters
        self._makes = False  # whether this process runs the optimizer in this step
        self._counted = False  # whether this process's gradient is part of the step
        self._buckets: list[tuple[dist.GradBucket, torch.futures.Future[Tensor]]] = []
        self._parameters: list[list[Tensor]] = []  # the optimizer's parameters, while this process must not update them
        self._known = 0  # the number of finished steps that this process's optimizer state includes

    def forward(self, *_: Any) -> None:
        """Wait until no process is changing the parameters, which the forward pass is about to read."""
        if torch.is_grad_enabled() and self._read is not None:
            return
        while int(self.counts.made) != int(self.counts.closed):
            time.sleep(LOOK_S)
        self._read = int(self.counts.made) if torch.is_grad_enabled() else None

    def backward(self, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:
        """Collect the gradient buckets. After the last bucket, submit the gradients and wait for their step."""
        if self._makes:
            raise RuntimeError("step_of_the_first needs an optimizer step after each backward pass")
        future: torch.futures.Future[Tensor] = torch.futures.Future()
        self._buckets.append((bucket, future))
        if bucket.is_last():
            self._submit_gradients()
            for each, waiting in self._buckets:
                waiting.set_result(each.buffer())
            self._buckets.clear()
        return future

    def before_step(self, *_: Any) -> None:
        """Load the shared optimizer state, or hide the parameters if another process runs the optimizer's step."""
        if self._makes:
            self._load_optimizer_state()
            return
        self._parameters = [group["params"] for group in self.optimizer.param_groups]
        for group in self.optimizer.param_groups:
            if not self._counted:
                for parameter in group["params"]:
                    parameter.grad = None  # The gradient of a dropped batch must not be part of any step.
            group["params"] = []

    def after_step(self, *_: Any) -> None:
        """Publish the finished step, and report to the batch queue whether this process's batch was used."""
        if self._makes:
            self._save_optimizer_state()
            self._makes = False
            self.counts.made.add_(1)
        for group, parameters in zip(self.optimizer.param_groups, self._parameters):
            group["params"] = parameters
        self._parameters = []
        self.batches.report_step(self._counted)

    def _submit_gradients(self) -> None:
        """Add the gradients to the current step and wait until it is finished, or drop them if they are late."""
        read, self._read = self._read, None
        with self._hold_lock():
            self._counted = read == int(self.counts.closed)
            if self._counted:
                own = dict(self._indexed_gradients())
                self.gathered.add([own[place] for place in range(len(own))])
                self._finish_step_if_due()
        while self._counted and not self._makes and int(self.counts.made) == read:
            time.sleep(LOOK_S)
            with self._hold_lock():  # Other processes may have ended the epoch, so fewer gradients may be enough.
                if int(self.counts.closed) == read:
                    self._finish_step_if_due()

    def _finish_step_if_due(self) -> None:
        """If enough gradients have arrived for the step, take their mean and let this process run the optimizer."""
        attending, came = self.batches.count_attending(), int(self.gathered.came)
        # The first step waits for all processes, because DistributedDataParallel then rearranges its buckets.
        if self.gathered.is_step_due(attending) and (int(self.counts.closed) or came == attending):
            means = self.gathered.take_mean()
            for place, gradient in self._indexed_gradients():
                gradient.copy_(means[place])
            self.counts.closed.add_(1)
            self._makes = True

    def _indexed_gradients(self) -> Iterator[tuple[int, Tensor]]:
        """Yield the index and the gradient of each parameter; the gradient is a view into a bucket."""
        for bucket, _ in self._buckets:
            for parameter, gradient in zip(bucket.parameters(), bucket.gradients()):
                yield self._places[id(parameter)], gradient

    def _load_optimizer_state(self) -> None:
        """Load the optimizer state from shared memory if another process has stepped in the meantime."""
        if self._known != int(self.counts.made):
            self._memory.seek(0)
            state = torch.load(self._memory, weights_only=True)
            self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        self._known = int(self.counts.made) + 1

    def _save_optimizer_state(self) -> None:
        """Write the optimizer state to shared memory."""
        self._memory.seek(0)
        torch.save(self.optimizer.state_dict()["state"], self._memory)
        self._memory.truncate()

    @contextmanager
    def _hold_lock(self) -> Iterator[None]:
        """Within the `with` block, hold the lock that all processes share."""
        fcntl.flock(self._memory, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._memory, fcntl.LOCK_UN)
