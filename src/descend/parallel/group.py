"""The group of processes that `torchrun` has started, and one start for all of its members."""

import os
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.rendezvous import rendezvous

Said = TypeVar("Said")
PATIENCE = timedelta(minutes=5)  # after which a process that waits for another gives up


def join() -> torch.device:
    """Join torchrun's group, or make a group of one; return the device of this process.

    A group that the script has made itself is kept. Keys of the store carry the number of restarts: those of a
    generation that died would send the next one to addresses where nobody listens.
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
        raise ConnectionError(_unreachable(error)) from None
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
    """Return what the processes tell one another by."""
    return dist.distributed_c10d._get_default_store()


def first_says(said: Said) -> Said:
    """Return what the first process says, in all of them."""
    told = [said]
    dist.broadcast_object_list(told, 0)
    return told[0]


def start_alike(model: nn.Module) -> None:
    """Give every process the parameters and buffers of the first.

    Raises `ValueError` in all of them where one holds another model, and names it.
    """
    held = {name: (tuple(t.shape), str(t.dtype)) for name, t in _tensors(model).items()}
    everybody: list[dict[str, tuple[tuple[int, ...], str]]] = [{} for _ in range(dist.get_world_size())]
    dist.all_gather_object(everybody, held)
    for rank, theirs in enumerate(everybody):
        if theirs != everybody[0]:
            name = next(n for n in {**everybody[0], **theirs} if theirs.get(n) != everybody[0].get(n))
            raise ValueError(
                f"the processes hold different models: {name} is {_said(theirs.get(name))} in process {rank} and "
                f"{_said(everybody[0].get(name))} in process 0"
            )
    with torch.no_grad():
        for tensor in _tensors(model).values():
            dist.broadcast(tensor, 0)


def _own_device() -> torch.device:
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if accelerator is None or local >= torch.accelerator.device_count():
        return torch.device("cpu")
    device = torch.device(accelerator.type, local)
    torch.accelerator.set_device_index(device.index)
    return device


def _unreachable(error: dist.DistNetworkError) -> str:
    host, port = os.environ.get("MASTER_ADDR", ""), os.environ.get("MASTER_PORT", "")
    if "EADDRINUSE" in str(error):
        return f"port {port} of {host} is in use: another --master-port would do, or torchrun --standalone"
    return f"process 0 of the group does not answer at {host}:{port}: {str(error).splitlines()[0]}"


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: t.data for name, t in [*model.named_parameters(), *model.named_buffers()]}


def _said(held: tuple[tuple[int, ...], str] | None) -> str:
    return "missing" if held is None else f"{held[1].removeprefix('torch.')} of shape {held[0]}"
