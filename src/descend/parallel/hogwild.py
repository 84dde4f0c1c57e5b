"""Hogwild!: several processes update one model in shared memory without locks (Niu et al. 2011).

With sparse gradients, two processes rarely write the same weight, so almost no update is lost. With dense gradients,
one write can overwrite another. In practice this only adds noise, but the paper's proof does not cover it.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import multiprocessing, nn

END_S = 5.0  # A process that has not exited this long after SIGTERM is killed.


def hogwild(train: Callable[..., Any], model: nn.Module, processes: int = 2, arguments: tuple[Any, ...] = ()) -> None:
    """Run `train(rank, model, *arguments)` in several processes, which all train the same model in shared memory.

    Each process uses one thread. All processes have ended when this returns.

    Parameters
    ----------
    train : callable
        The function that each process calls. It must be importable from a module.
    model : torch.nn.Module
        The model, on the CPU.
    processes : int
        The number of processes.
    arguments : tuple
        Further arguments of `train`.

    Raises
    ------
    ValueError
        If `processes` is below 1, or the model is not on the CPU.
    torch.multiprocessing.ProcessRaisedException
        If `train` fails.

    Examples
    --------
    >>> hogwild(train, model, processes=2)
    """
    if processes < 1:
        raise ValueError(f"processes must be at least 1, not {processes}")
    require_cpu(model)
    model.share_memory()
    started = multiprocessing.start_processes(
        _run_process, (train, model, arguments), nprocs=processes, join=False, start_method="spawn"
    )
    try:
        while not started.join():
            pass
    finally:
        for process in started.processes:
            process.terminate()
        for process in started.processes:
            with suppress(ValueError):
                process.join(END_S)
                process.kill()


def require_cpu(model: nn.Module) -> None:
    """Raise `ValueError` if a parameter or buffer of the model is not on the CPU."""
    elsewhere = {str(t.device) for t in (*model.parameters(), *model.buffers()) if t.device.type != "cpu"}
    if elsewhere:
        raise ValueError(f"processes can share only CPU memory, but the model is on {', '.join(sorted(elsewhere))}")


def _run_process(rank: int, train: Callable[..., Any], model: nn.Module, arguments: tuple[Any, ...]) -> None:
    """Run `train` in a new process, with one thread."""
    torch.set_num_threads(1)
    train(rank, model, *arguments)
