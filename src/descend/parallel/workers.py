"""Processes of a training on a Ray cluster: one that is killed is started again, the others go on."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import torch.distributed as dist

from descend.parallel.remote import begin_ray, ray_module


def on_ray(
    train: Callable[..., Any],
    processes: int,
    arguments: tuple[Any, ...] = (),
    *,
    restarts: int = 3,
    cores: float = 1,
    address: str | None = None,
) -> list[Any]:
    """Run `train(rank, *arguments)` in so many processes, and return what they return.

    For replicas of a `RemoteServer`: each process that dies is started again, up to `restarts` times. They can spread a
    `Layout`, too: a synchronous one fails with its first process. cores: of each; a cluster that has fewer runs some
    later. address: of a cluster, else one is started here. Raises `ValueError` for fewer than one process, and what
    `train` raises; no process is left behind.

    >>> on_ray(train, processes=4, arguments=(server,))
    """
    if processes < 1:
        raise ValueError(f"processes must be at least 1, not {processes}")
    ray = ray_module()
    begin_ray(address)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    host = ray.util.get_node_ip_address()
    store = dist.TCPStore(host, 0, is_master=True, wait_for_workers=False)  # by which a Layout's processes meet
    group = {
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": host,
        "MASTER_PORT": str(store.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "LOCAL_WORLD_SIZE": str(processes if len(nodes) == 1 else 1),
    }
    work: Any = ray.remote(num_cpus=cores, max_retries=restarts, max_calls=1)(_work)
    running = [work.remote(train, rank, group, arguments) for rank in range(processes)]
    waiting = list(running)
    try:
        while waiting:
            done, waiting = ray.wait(waiting)
            ray.get(done)
        return list(ray.get(running))
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    finally:
        for task in waiting:
            ray.cancel(task, force=True)


def _work(train: Callable[..., Any], rank: int, group: Mapping[str, str], arguments: tuple[Any, ...]) -> Any:
    os.environ.update(group, RANK=str(rank), LOCAL_RANK=str(rank))
    try:
        return train(rank, *arguments)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
