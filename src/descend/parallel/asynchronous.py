"""Asynchronous training under `torchrun`: each process is a replica, and process 0 starts the parameter server."""

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

from descend.core.temporary import delete_leftover_folders, temporary_folder
from descend.parallel import group
from descend.parallel.adaptive_revision import AdaptiveRevisionServer
from descend.parallel.backup import BackupReplica, BackupServer
from descend.parallel.elastic import Centre
from descend.parallel.remote import RemoteServer, begin_ray
from descend.parallel.replica import DownpourReplica, ElasticReplica
from descend.parallel.server import DownpourServer, Rule
from descend.parallel.shared_memory import record_staleness, share

if TYPE_CHECKING:
    from descend.parallel.layout import Layout

SHARE = 0.9  # Elastic averaging uses α = SHARE / replicas (Zhang, Choromanska & LeCun 2015, section 5).
RAY_ADMISSION = "RAY_AUTH_MODE"  # This variable makes a Ray cluster require the token in the user's home directory.


def make_replica(layout: "Layout", model: nn.Module, rule: Rule, batches: Any) -> Any:
    """Return this process's optimizer, which exchanges parameters with a server every `layout.period` steps.

    A period above 1 exchanges in a background thread. rule: creates an optimizer. batches: the loader's batch sampler.
    If the layout names no checkpoint, the server's checkpoint is deleted at the end of the run.
    """
    scheme, period = layout.scheme, layout.period
    parameters: list[Tensor] = [p for p in model.parameters() if p.requires_grad]
    if scheme == "hogwild":
        return record_staleness(rule(parameters), share(model))
    own = rule(parameters)
    lr = own.param_groups[0]["lr"]
    make: dict[str, Callable[[list[Tensor]], Any]] = {
        "downpour": partial(DownpourServer, rule=rule),
        "delay_tolerant": partial(AdaptiveRevisionServer, lr=lr),
        "elastic": partial(Centre, alpha=SHARE / dist.get_world_size()),
        "backup": partial(BackupServer, wanted=layout.data - layout.backups, rule=rule),
    }
    server, waits = _connect_server(make[scheme], parameters, layout.checkpoint), period == 1
    if scheme == "backup":
        batches.attend = server.attend
        return BackupReplica(parameters, server, batches)
    if scheme == "elastic":
        return ElasticReplica(own, server, period=period, waits=waits)
    return DownpourReplica(parameters, server, n_push=period, n_fetch=period, lr=lr, waits=waits)


def _connect_server(
    make: Callable[[list[Tensor]], Any], parameters: list[Tensor], checkpoint: str | None
) -> RemoteServer:
    """Start the parameter server in process 0, and return this process's connection to the server."""
    ending = ExitStack()
    shared = ["", "", ""]
    if dist.get_rank() == 0:
        delete_leftover_folders()
        file = Path(checkpoint) if checkpoint else ending.enter_context(temporary_folder()) / "server.pt"
        shared = [begin_ray(), f"server {uuid.uuid4().hex}", os.environ.get(RAY_ADMISSION, "")]
        server = RemoteServer.start(make, parameters, file, name=shared[1])
    shared = group.broadcast_from_first(shared)
    if dist.get_rank() != 0:
        if shared[2]:
            os.environ[RAY_ADMISSION] = shared[2]
        begin_ray(shared[0])
        server = RemoteServer.find(shared[1], parameters)
    dist.barrier()
    _exit_after_others(ending, server)
    return server


def _exit_after_others(ending: ExitStack, server: RemoteServer) -> None:
    """Delay the exit of process 0 until all other processes have exited, because its exit ends the server."""
    store, rank, size = group.store(), dist.get_rank(), dist.get_world_size()
    left = group.broadcast_from_first(f"left {uuid.uuid4().hex}")

    def report_exit() -> None:
        """Report that this process exits. Process 0 also waits for all other processes and then releases the server."""
        store.set(f"{left} {rank}", "")
        if rank == 0 and not hasattr(sys, "last_value"):  # After an exception, process 0 exits without waiting.
            store.wait([f"{left} {k}" for k in range(size)], timedelta(days=1))
        server.shards.clear()
        ending.close()

    atexit.register(report_exit)
