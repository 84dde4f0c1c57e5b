"""The process group of `torchrun`, and operations that give all its processes the same values and model."""

import os
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.rendezvous import rendezvous

Said = TypeVar("Said")
PATIENCE = timedelta(minutes=5)  # A process fails if it waits longer than this for another process.


def join() -> torch.device:
    """Join torchrun's process group, or create a group of one process; return the device of this process.

    A process group that the script has already initialised is kept. The store's keys contain torchrun's restart count,
    because keys from before a restart hold addresses of processes that no longer exist.
    """
    device = _own_device()
    if dist.is_initialized():
        return device
    backend = dist.get_default_backend_for_device(device)
    if "RANK" not in os.environ:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
        return device
    try:
        store, rank, size = next(rendezvous("env://", timeout=PATIENCE))
    except dist.DistNetworkError as error:
        raise ConnectionError(_unreachable_message(error)) from None
    generation = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    dist.init_process_group(
        backend,
        store=dist.PrefixStore(f"generation {generation}", store),
        rank=rank,
        world_size=size,
        timeout=PATIENCE,
    )
    return device


def store() -> dist.Store:
    """Return the key-value store that all processes of the group share."""
    return dist.distributed_c10d._get_default_store()


def broadcast_from_first(said: Said) -> Said:
    """Return, in every process, the value that process 0 has passed as argument."""
    values = [said]
    dist.broadcast_object_list(values, 0)
    return values[0]


def broadcast_model(model: nn.Module) -> None:
    """Copy the parameters and buffers of process 0's model to the models of all processes.

    If a process has a different model, raises `ValueError` in all processes, and names the differing tensor.
    """
    held = {name: (tuple(t.shape), str(t.dtype)) for name, t in _model_tensors(model).items()}
    all_held: list[dict[str, tuple[tuple[int, ...], str]]] = [{} for _ in range(dist.get_world_size())]
    dist.all_gather_object(all_held, held)
    for rank, theirs in enumerate(all_held):
        if theirs != all_held[0]:
            name = next(n for n in {**all_held[0], **theirs} if theirs.get(n) != all_held[0].get(n))
            raise ValueError(
                f"the processes have different models: {name} is {_tensor_message(theirs.get(name))} in process "
                f"{rank} and {_tensor_message(all_held[0].get(name))} in process 0"
            )
    with torch.no_grad():
        for tensor in _model_tensors(model).values():
            dist.broadcast(tensor, 0)


def _own_device() -> torch.device:
    """Return the accelerator whose index is this process's local rank; the CPU if no such accelerator exists."""
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if accelerator is None or local >= torch.accelerator.device_count():
        return torch.device("cpu")
    device = torch.device(accelerator.type, local)
    torch.accelerator.set_device_index(device.index)
    return device


def _unreachable_message(error: dist.DistNetworkError) -> str:
    """Return an error message for a process that cannot connect to process 0."""
    host, port = os.environ.get("MASTER_ADDR", ""), os.environ.get("MASTER_PORT", "")
    if "EADDRINUSE" in str(error):
        return f"port {port} of {host} is in use. Choose another --master-port, or use torchrun --standalone"
    return f"process 0 of the group does not answer at {host}:{port}: {str(error).splitlines()[0]}"


def _model_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return all parameters and buffers of a model by name, without autograd history."""
    return {name: t.data for name, t in [*model.named_parameters(), *model.named_buffers()]}


def _tensor_message(held: tuple[tuple[int, ...], str] | None) -> str:
    """Return the dtype and shape of a tensor as a phrase; "missing" for None."""
    return "missing" if held is None else f"{held[1].removeprefix('torch.')} of shape {held[0]}"
