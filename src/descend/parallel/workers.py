"""Run training processes on a Ray cluster. Ray restarts a killed process while the others continue."""

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
    """Run `train(rank, *arguments)` in several processes of a Ray cluster, and return their results.

    A process that dies is restarted, up to `restarts` times; a synchronous `Layout` fails with its first process
    instead. All processes have ended when this returns.

    Parameters
    ----------
    train : callable
        The function that each process calls, with its rank and `arguments`.
    processes : int
        The number of processes.
    arguments : tuple
        Further arguments of `train`.
    restarts : int
        The largest number of restarts of each process.
    cores : float
        The CPU cores of a process. A smaller cluster runs some processes later.
    address : str, optional
        The address of a running cluster. Default: start a local one.

    Returns
    -------
    list
        The results of `train`, in the order of the ranks.

    Raises
    ------
    ValueError
        If `processes` is below 1, and any exception of `train`.

    Examples
    --------
    >>> on_ray(train, processes=4, arguments=(server,))
    """
    if processes < 1:
        raise ValueError(f"processes must be at least 1, not {processes}")
    ray = ray_module()
    begin_ray(address)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    host = ray.util.get_node_ip_address()
    # The processes of a `Layout` connect to each other through this store.
    store = dist.TCPStore(host, 0, is_master=True, wait_for_workers=False)
    group = {
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": host,
        "MASTER_PORT": str(store.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "LOCAL_WORLD_SIZE": str(processes if len(nodes) == 1 else 1),
    }
    work: Any = ray.remote(num_cpus=cores, max_retries=restarts, max_calls=1)(_run_worker)
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


def _run_worker(train: Callable[..., Any], rank: int, group: Mapping[str, str], arguments: tuple[Any, ...]) -> Any:
    """Run `train` in a Ray worker, with the environment variables that torchrun would set."""
    os.environ.update(group, RANK=str(rank), LOCAL_RANK=str(rank))
    try:
        return train(rank, *arguments)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
