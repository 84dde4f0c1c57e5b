"""Hogwild!: processes step on one model in shared memory, and nobody locks it (Niu et al. 2011).

Where gradients are sparse two processes seldom touch the same weight, and nothing is lost; where they are dense a write
may undo another's, which costs no more than noise in practice and is not covered by the paper's proof.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import multiprocessing, nn

END_S = 5.0  # that a process is given to end when it is told to


def hogwild(train: Callable[..., Any], model: nn.Module, processes: int = 2, arguments: tuple[Any, ...] = ()) -> None:
    """Run `train(rank, model, *arguments)` in so many processes on one model, which holds the result.

    The model is moved to shared memory. `train` must be importable: a function of a module. Each process has one
    thread. Raises `ValueError` for fewer than one process and for a model that is not on the CPU, and what `train`
    raises, as `torch.multiprocessing.ProcessRaisedException`; no process is left behind.

    >>> hogwild(train, model, processes=2)
    """
    if processes < 1:
        raise ValueError(f"processes must be at least 1, not {processes}")
    require_cpu(model)
    model.share_memory()
    started = multiprocessing.start_processes(
        _begin, (train, model, arguments), nprocs=processes, join=False, start_method="spawn"
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
    """Raise `ValueError` for a model whose parameters or buffers are not where processes can share them."""
    elsewhere = {str(t.device) for t in (*model.parameters(), *model.buffers()) if t.device.type != "cpu"}
    if elsewhere:
        raise ValueError(f"shared memory is the CPU's, and the model is on {', '.join(sorted(elsewhere))}")


def _begin(rank: int, train: Callable[..., Any], model: nn.Module, arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    train(rank, model, *arguments)
