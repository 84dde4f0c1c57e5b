"""The asynchronous schemes under `torchrun`: each process is a replica, and the first starts what they share."""

import atexit
import os
import sys
import tempfile
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from descend.parallel import group
from descend.parallel.adaptive_revision import AdaptiveRevisionServer
from descend.parallel.elastic import Centre
from descend.parallel.hogwild import require_cpu
from descend.parallel.remote import RemoteServer, begin_ray
from descend.parallel.replica import DownpourReplica, ElasticReplica
from descend.parallel.server import DownpourServer, Rule
from descend.temporary import sweep, temporary_folder

SHARE = 0.9  # of the elastic force, over the replicas (Zhang, Choromanska & LeCun 2015, section 5)
RAY_ADMISSION = "RAY_AUTH_MODE"  # a cluster that Ray starts asks for the token in the user's home, where this says so


def replica(scheme: str, model: nn.Module, rule: Rule, period: int, checkpoint: str | None) -> Any:
    """Return the optimizer of this process's replica: it talks to the server every `period` steps, behind the next.

    checkpoint: the server's file, from which it goes on; one that lasts as long as the run where none is given.
    """
    parameters: list[Tensor] = [p for p in model.parameters() if p.requires_grad]
    if scheme == "hogwild":
        share(model)
        return rule(parameters)
    own = rule(parameters)
    lr = own.param_groups[0]["lr"]
    make: dict[str, Callable[[list[Tensor]], Any]] = {
        "downpour": partial(DownpourServer, rule=rule),
        "delay_tolerant": partial(AdaptiveRevisionServer, lr=lr),
        "elastic": partial(Centre, alpha=SHARE / dist.get_world_size()),
    }
    server, waits = _served(make[scheme], parameters, checkpoint), period == 1
    if scheme == "elastic":
        return ElasticReplica(own, server, period=period, waits=waits)
    return DownpourReplica(parameters, server, n_push=period, n_fetch=period, lr=lr, waits=waits)


def share(model: nn.Module) -> None:
    """Let the processes of one machine hold one model, in memory that goes with the last of them.

    What a rule remembers, its momentum, stays each process's own. Raises `ValueError` for processes on several
    machines, and for a model that is not on the CPU.
    """
    if os.environ.get("LOCAL_WORLD_SIZE", "1") != str(dist.get_world_size()):
        raise ValueError("memory is shared by the processes of one machine, and these are on several")
    require_cpu(model)
    held = [*model.parameters(), *model.buffers()]
    room = [""]
    if dist.get_rank() == 0:
        room[0] = tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    dist.broadcast_object_list(room, 0)
    folder = Path(room[0])
    for number, tensor in enumerate(held):
        file = folder / str(number)
        given = tensor.detach().clone()
        tensor.data = torch.from_file(str(file), shared=True, size=max(1, given.numel()), dtype=given.dtype)[
            : given.numel()
        ].view(given.shape)
        if dist.get_rank() == 0:
            tensor.data.copy_(given)
    dist.barrier()
    if dist.get_rank() == 0:  # everybody holds them: without names they are gone with the last process
        for number in range(len(held)):
            (folder / str(number)).unlink()
        folder.rmdir()


def _served(make: Callable[[list[Tensor]], Any], parameters: list[Tensor], checkpoint: str | None) -> RemoteServer:
    ending = ExitStack()
    told = ["", "", ""]
    if dist.get_rank() == 0:
        sweep()
        file = Path(checkpoint) if checkpoint else ending.enter_context(temporary_folder()) / "server.pt"
        told = [begin_ray(), f"server {uuid.uuid4().hex}", os.environ.get(RAY_ADMISSION, "")]
        server = RemoteServer.start(make, parameters, file, name=told[1])
    dist.broadcast_object_list(told, 0)
    if dist.get_rank() != 0:
        if told[2]:
            os.environ[RAY_ADMISSION] = told[2]
        begin_ray(told[0])
        server = RemoteServer.find(told[1], parameters)
    dist.barrier()
    _stay_for_the_others(ending)
    return server


def _stay_for_the_others(ending: ExitStack) -> None:
    """Let the first process, in which the server lives, end after the others."""
    store, rank, size = group.store(), dist.get_rank(), dist.get_world_size()
    named = [f"left {uuid.uuid4().hex}"]
    dist.broadcast_object_list(named, 0)

    def leave() -> None:
        store.set(f"{named[0]} {rank}", "")
        if rank == 0 and not hasattr(sys, "last_value"):  # one that failed waits for nobody
            store.wait([f"{named[0]} {k}" for k in range(size)], timedelta(days=1))
        ending.close()

    atexit.register(leave)
