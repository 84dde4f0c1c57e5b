"""Backup workers on one machine: steps of the first gradients that come, on one model in shared memory.

What a process computes on parameters that the others have stepped on meanwhile is dropped, and its batch is dealt out
once more (Chen et al. 2016, §3). The process whose gradient completes a step makes it, with what the rule remembers.
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

from descend.parallel.backup import Gathered
from descend.parallel.dealing import Dealt
from descend.parallel.shared_memory import in_one_memory
from descend.parallel.shares import DrawnTogether, with_batches

LOOK_S = 2e-4  # between two looks at what the others have done


def step_of_the_first(
    loader: DataLoader[Any], model: DistributedDataParallel, optimizer: Optimizer, wanted: int
) -> DataLoader[Any]:
    """Let each step be that of the first `wanted` gradients; return a loader that deals the batches of a pass out.

    The processes, all on one machine, hold one model in shared memory, and each example counts once a pass. One
    backward pass a step. Raises `ValueError` where `wanted` is not from 1 to the number of processes, for a loader
    without a `DistributedSampler` or with fewer than two batches for each process, for processes on several machines,
    and for a model that is not on the CPU.

    >>> loader = step_of_the_first(loader, model, optimizer, 3)
    """
    world = dist.get_world_size()
    if not 1 <= wanted <= world:
        raise ValueError(f"wanted must be 1 to {world}, the number of processes, not {wanted}")
    batches = DrawnTogether(loader)
    if len(batches) < 2 * world:
        raise ValueError(f"a pass must have two batches for each of {world} processes, and it has {len(batches)}")
    trained = [p for p in model.module.parameters() if p.requires_grad]
    sums, came = [torch.zeros_like(p) for p in trained], torch.zeros(1, dtype=torch.int64)
    counts = Counts(*(torch.zeros(size, dtype=torch.int64) for size in (1, 1, world)))
    memory = in_one_memory(model.module, [*sums, came, *counts])
    dealt = DealtInStep(batches, counts.passes)
    comers = FirstComers(optimizer, trained, Gathered(wanted, sums, came), counts, dealt, memory)
    model.broadcast_buffers = False  # they are shared
    model.register_forward_pre_hook(comers.forward)
    model.register_comm_hook(comers, FirstComers.backward)
    optimizer.register_step_pre_hook(comers.before_step)
    optimizer.register_step_post_hook(comers.after_step)
    return with_batches(loader, dealt)


class Counts(NamedTuple):
    """What all processes know of one another, in shared memory."""

    closed: Tensor  # steps that have had their gradients
    made: Tensor  # and those that are made
    passes: Tensor  # of each process: twice those that it has ended, one more while it is in one


class DealtInStep(Dealt):
    """Batches of a pass that all processes begin together and end together, when each has counted."""

    def __init__(self, batches: DrawnTogether, places: Tensor) -> None:
        super().__init__(batches)
        self.places = places

    def __iter__(self) -> Iterator[list[Any]]:
        self._reach(2 * self.passes + 1)
        self._meet()
        try:
            yield from super().__iter__()
        finally:
            self._reach(2 * self.passes)
        self._meet()

    def attending(self) -> int:
        """How many processes are in this pass."""
        return int((self.places == 2 * self.passes - 1).sum())

    def _reach(self, place: int) -> None:
        self.places[dist.get_rank()] = place

    def _meet(self) -> None:
        while int(self.places.min()) < int(self.places[dist.get_rank()]):
            time.sleep(LOOK_S)


class FirstComers:
    """The part of one process in the steps of all. memory: what the rule remembers lies there."""

    def __init__(
        self,
        optimizer: Optimizer,
        trained: Sequence[Tensor],
        gathered: Gathered,
        counts: Counts,
        batches: DealtInStep,
        memory: BinaryIO,
    ) -> None:
        self.optimizer, self.gathered, self.counts, self.batches = optimizer, gathered, counts, batches
        self._places, self._memory = {id(p): k for k, p in enumerate(trained)}, memory
        self._read: int | None = None  # the steps that were made when the model was read
        self._makes = self._counted = False  # whether the step is this process's to make; whether its gradient counts
        self._buckets: list[tuple[dist.GradBucket, torch.futures.Future[Tensor]]] = []
        self._parameters: list[list[Tensor]] = []  # of the optimizer, while it is to step on none
        self._known = 0  # steps that were made when this process last knew what the rule remembers

    def forward(self, *_: Any) -> None:
        """Wait until no step is being made: the parameters are read now."""
        if torch.is_grad_enabled() and self._read is not None:
            return
        while int(self.counts.made) != int(self.counts.closed):
            time.sleep(LOOK_S)
        self._read = int(self.counts.made) if torch.is_grad_enabled() else None

    def backward(self, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:
        """Hand the gradients in, once all are there, and wait for the step that they are part of."""
        if self._makes:
            raise RuntimeError("step_of_the_first wants a step of the optimizer after each backward pass")
        future: torch.futures.Future[Tensor] = torch.futures.Future()
        self._buckets.append((bucket, future))
        if bucket.is_last():
            self._hand_in()
            for each, waiting in self._buckets:
                waiting.set_result(each.buffer())
            self._buckets.clear()
        return future

    def before_step(self, *_: Any) -> None:
        """Have what the rule remembers, or leave the parameters to the process that makes the step."""
        if self._makes:
            self._recall()
            return
        self._parameters = [group["params"] for group in self.optimizer.param_groups]
        for group in self.optimizer.param_groups:
            if not self._counted:
                for parameter in group["params"]:
                    parameter.grad = None  # a step that is not made: nothing of it is part of one
            group["params"] = []

    def after_step(self, *_: Any) -> None:
        """Tell the others that the step is made, and of a batch that has to be dealt out once more."""
        if self._makes:
            self._remember()
            self._makes = False
            self.counts.made.add_(1)
        for group, parameters in zip(self.optimizer.param_groups, self._parameters):
            group["params"] = parameters
        self._parameters = []
        self.batches.stepped(self._counted)

    def _hand_in(self) -> None:
        read, self._read = self._read, None
        with self._alone():
            self._counted = read == int(self.counts.closed)
            if self._counted:
                own = dict(self._gradients())
                self.gathered.add([own[place] for place in range(len(own))])
                self._close_if_due()
        while self._counted and not self._makes and int(self.counts.made) == read:
            time.sleep(LOOK_S)
            with self._alone():  # others may have ended the pass
                if int(self.counts.closed) == read:
                    self._close_if_due()

    def _close_if_due(self) -> None:
        attending, came = self.batches.attending(), int(self.gathered.came)
        # of the first step all are part: after it DistributedDataParallel arranges its buckets, in all processes
        if self.gathered.are_enough(attending) and (int(self.counts.closed) or came == attending):
            means = self.gathered.taken()
            for place, gradient in self._gradients():
                gradient.copy_(means[place])
            self.counts.closed.add_(1)
            self._makes = True

    def _gradients(self) -> Iterator[tuple[int, Tensor]]:
        for bucket, _ in self._buckets:
            for parameter, gradient in zip(bucket.parameters(), bucket.gradients()):
                yield self._places[id(parameter)], gradient

    def _recall(self) -> None:
        if self._known != int(self.counts.made):
            self._memory.seek(0)
            state = torch.load(self._memory, weights_only=True)
            self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        self._known = int(self.counts.made) + 1

    def _remember(self) -> None:
        self._memory.seek(0)
        torch.save(self.optimizer.state_dict()["state"], self._memory)
        self._memory.truncate()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        fcntl.flock(self._memory, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._memory, fcntl.LOCK_UN)
