"""Train one model in shared memory: the processes of one machine step without waiting for each other (Hogwild!)."""

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
from descend.parallel.batch_queue import BatchQueue
from descend.parallel.hogwild import require_cpu
from descend.parallel.replica import Traffic
from descend.parallel.shares import GlobalBatches, with_batches


def share(model: nn.Module) -> Tensor:
    """Move the model to memory that all processes of one machine share; return a tensor of their step counts.

    The returned tensor, shape ``(processes,)``, is also shared. Optimizer state, such as momentum, is not shared.
    Raises `ValueError` if the processes are on several machines, or if the model is not on the CPU.
    """
    steps = torch.zeros(dist.get_world_size(), dtype=torch.int64)
    move_to_shared_memory(model, [steps])
    return steps


def move_to_shared_memory(model: nn.Module, extra: Sequence[Tensor]) -> BinaryIO:
    """Move the model and the tensors in `extra` to shared memory, with the values of process 0.

    Returns a file in shared memory that only these processes can open. Raises `ValueError` as `share` does.
    """
    if os.environ.get("LOCAL_WORLD_SIZE", "1") != str(dist.get_world_size()):
        raise ValueError("shared memory needs all processes on one machine, but they are on several machines")
    require_cpu(model)
    held = [*model.parameters(), *model.buffers(), *extra]
    room = tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) if dist.get_rank() == 0 else ""
    folder = Path(group.broadcast_from_first(room))
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
    # All processes have mapped the files, so deletion frees the memory when the last process ends.
    if dist.get_rank() == 0:
        shutil.rmtree(folder)
    return own


def record_staleness(optimizer: Optimizer, steps: Tensor) -> Optimizer:
    """Make the optimizer record how many steps other processes take between its own steps; return the optimizer.

    steps: the step counts of `share`, shape ``(processes,)``. No tensors are sent, so `traffic.bytes` stays 0.
    """
    rank, traffic = dist.get_rank(), Traffic()
    last = [0]

    def record_other_steps(*_: Any) -> None:
        """Record how many steps the other processes have taken since this process's last step."""
        others = int(steps.sum() - steps[rank])
        traffic.staleness.append(others - last[0])
        last[0] = others
        steps[rank] += 1

    optimizer.register_step_post_hook(record_other_steps)
    optimizer.traffic = traffic  # type: ignore[attr-defined]
    return optimizer


def step_as_they_come(loader: DataLoader[Any], model: DistributedDataParallel) -> DataLoader[Any]:
    """Let processes step without waiting for each other; return a loader that assigns batches dynamically.

    The processes share one model in the memory of one machine. Each gradient is divided by the number of processes, as
    in their mean, so each example changes the parameters as much as before.

    Parameters
    ----------
    loader : DataLoader
        The loader of the training data, with a `DistributedSampler`.
    model : DistributedDataParallel
        The model.

    Returns
    -------
    DataLoader
        The loader of this process.

    Raises
    ------
    ValueError
        If the loader has no `DistributedSampler`, if the processes are on several machines, or if the model is not on
        the CPU.

    Examples
    --------
    >>> loader = step_as_they_come(loader, model)
    """
    batches = BatchQueue(GlobalBatches(loader))
    share(model.module)
    model.broadcast_buffers = False  # Shared memory already gives all processes the same buffers.
    model.register_comm_hook(dist.get_world_size(), _skip_all_reduce)
    return with_batches(loader, batches)


def _skip_all_reduce(world: int, bucket: dist.GradBucket) -> torch.futures.Future[torch.Tensor]:
    """Divide a bucket of gradients by the number of processes, and skip the all-reduce."""
    apart: torch.futures.Future[torch.Tensor] = torch.futures.Future()
    apart.set_result(bucket.buffer().div_(world))
    return apart
