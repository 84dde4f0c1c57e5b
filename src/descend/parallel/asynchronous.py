"""The asynchronous schemes under `torchrun`: each process is a replica, and the first starts what they share."""

import atexit
import os
import sys
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch.distributed as dist
from torch import Tensor, nn

from descend.ground.temporary import sweep, temporary_folder
from descend.parallel import group
from descend.parallel.adaptive_revision import AdaptiveRevisionServer
from descend.parallel.backup import BackupReplica, BackupServer
from descend.parallel.elastic import Centre
from descend.parallel.remote import RemoteServer, begin_ray
from descend.parallel.replica import DownpourReplica, ElasticReplica
from descend.parallel.server import DownpourServer, Rule
from descend.parallel.shared_memory import counted, share

if TYPE_CHECKING:
    from descend.parallel.layout import Layout

SHARE = 0.9  # of the elastic force, over the replicas (Zhang, Choromanska & LeCun 2015, section 5)
RAY_ADMISSION = "RAY_AUTH_MODE"  # a cluster that Ray starts asks for the token in the user's home, where this says so


def replica(layout: "Layout", model: nn.Module, rule: Rule, batches: Any) -> Any:
    """Return the optimizer of this process's replica: it talks to the server every `period` steps, behind the next.

    batches: of the replica's loader. The server's file lasts as long as the run where the layout names none.
    """
    scheme, period = layout.scheme, layout.period
    parameters: list[Tensor] = [p for p in model.parameters() if p.requires_grad]
    if scheme == "hogwild":
        return counted(rule(parameters), share(model))
    own = rule(parameters)
    lr = own.param_groups[0]["lr"]
    make: dict[str, Callable[[list[Tensor]], Any]] = {
        "downpour": partial(DownpourServer, rule=rule),
        "delay_tolerant": partial(AdaptiveRevisionServer, lr=lr),
        "elastic": partial(Centre, alpha=SHARE / dist.get_world_size()),
        "backup": partial(BackupServer, wanted=layout.data - layout.backups, rule=rule),
    }
    server, waits = _served(make[scheme], parameters, layout.checkpoint), period == 1
    if scheme == "backup":
        batches.attend = server.attend
        return BackupReplica(parameters, server, batches)
    if scheme == "elastic":
        return ElasticReplica(own, server, period=period, waits=waits)
    return DownpourReplica(parameters, server, n_push=period, n_fetch=period, lr=lr, waits=waits)


def _served(make: Callable[[list[Tensor]], Any], parameters: list[Tensor], checkpoint: str | None) -> RemoteServer:
    ending = ExitStack()
    told = ["", "", ""]
    if dist.get_rank() == 0:
        sweep()
        file = Path(checkpoint) if checkpoint else ending.enter_context(temporary_folder()) / "server.pt"
        told = [begin_ray(), f"server {uuid.uuid4().hex}", os.environ.get(RAY_ADMISSION, "")]
        server = RemoteServer.start(make, parameters, file, name=told[1])
    told = group.first_says(told)
    if dist.get_rank() != 0:
        if told[2]:
            os.environ[RAY_ADMISSION] = told[2]
        begin_ray(told[0])
        server = RemoteServer.find(told[1], parameters)
    dist.barrier()
    _stay_for_the_others(ending, server)
    return server


def _stay_for_the_others(ending: ExitStack, server: RemoteServer) -> None:
    """Let the first process end after the others: the server ends with it, or when nothing here refers to it."""
    store, rank, size = group.store(), dist.get_rank(), dist.get_world_size()
    left = group.first_says(f"left {uuid.uuid4().hex}")

    def leave() -> None:
        store.set(f"{left} {rank}", "")
        if rank == 0 and not hasattr(sys, "last_value"):  # one that failed waits for nobody
            store.wait([f"{left} {k}" for k in range(size)], timedelta(days=1))
        server.shards.clear()
        ending.close()

    atexit.register(leave)
