"""One model in the memory of all processes of a group on one machine, each of which steps as it comes (Hogwild!)."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from descend.parallel import group
from descend.parallel.dealing import Dealt
from descend.parallel.hogwild import require_cpu
from descend.parallel.replica import Traffic
from descend.parallel.shares import DrawnTogether, with_batches


def share(model: nn.Module) -> Tensor:
    """Let the processes of one machine hold one model, in memory that goes with the last of them.

    What a rule remembers, its momentum, stays each process's own. Returns how many steps each process has taken, which
    they share, too. Raises `ValueError` for processes on several machines, and for a model that is not on the CPU.
    """
    steps = torch.zeros(dist.get_world_size(), dtype=torch.int64)
    in_one_memory(model, [steps])
    return steps


def in_one_memory(model: nn.Module, beside: Sequence[Tensor]) -> BinaryIO:
    """Let the processes of one machine hold one model and the tensors beside it, as the first process has them.

    Returns a file that is theirs alone, in the same memory. Raises `ValueError` as `share` does.
    """
    if os.environ.get("LOCAL_WORLD_SIZE", "1") != str(dist.get_world_size()):
        raise ValueError("memory is shared by the processes of one machine, and these are on several")
    require_cpu(model)
    held = [*model.parameters(), *model.buffers(), *beside]
    room = tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) if dist.get_rank() == 0 else ""
    folder = Path(group.first_says(room))
    for number, tensor in enumerate(held):
        file = folder / str(number)
        given = tensor.detach().clone()
        tensor.data = torch.from_file(str(file), shared=True, size=max(1, given.numel()), dtype=given.dtype)[
            : given.numel()
        ].view(given.shape)
        if dist.get_rank() == 0:
            tensor.data.copy_(given)
    own = open(os.open(folder / "file", os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
    dist.barrier()
    if dist.get_rank() == 0:  # everybody holds them: without names they are gone with the last process
        shutil.rmtree(folder)
    return own


def counted(optimizer: Optimizer, steps: Tensor) -> Optimizer:
    """Return the optimizer with `traffic`: the staleness of a step is what the others have stepped since its last one.

    steps: as `share` returns them. Nothing is moved: the bytes stay 0.
    """
    rank, traffic = dist.get_rank(), Traffic()
    last = [0]

    def count(*_: Any) -> None:
        others = int(steps.sum() - steps[rank])
        traffic.staleness.append(others - last[0])
        last[0] = others
        steps[rank] += 1

    optimizer.register_step_post_hook(count)
    optimizer.traffic = traffic  # type: ignore[attr-defined]
    return optimizer


def step_as_they_come(loader: DataLoader[Any], model: DistributedDataParallel) -> DataLoader[Any]:
    """Let no process of a group wait for another; return a loader that deals the batches of a pass out as they come.

    The processes, all on one machine, step on one model in shared memory. A gradient counts as much as it does in the
    mean of all processes: with gradient descent as many examples change the parameters as far as before. Raises
    `ValueError` for a loader without a `DistributedSampler`, processes on several machines, and a model that is not on
    the CPU.

    >>> loader = step_as_they_come(loader, model)
    """
    batches = Dealt(DrawnTogether(loader))
    share(model.module)
    model.broadcast_buffers = False  # they are shared
    model.register_comm_hook(dist.get_world_size(), _apart)
    return with_batches(loader, batches)


def _apart(world: int, bucket: dist.GradBucket) -> torch.futures.Future[torch.Tensor]:
    apart: torch.futures.Future[torch.Tensor] = torch.futures.Future()
    apart.set_result(bucket.buffer().div_(world))
    return apart
