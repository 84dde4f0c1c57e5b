"""What a parameter server on Ray moves, against what Ray itself moves: the same bytes to and from a bare actor."""

import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from side_by_side import Ratio, paired
from torch import Tensor

from descend.parallel import Fetched, RemoteServer
from descend.parallel.packing import contiguous_copies
from descend.parallel.remote import begin_ray, ray_module
from descend.parallel.server import ParameterServer

MEGABYTES, TENSORS, ROUNDS, PAIRS = (1, 10, 40), 10, 10, 7


class Idle(ParameterServer):
    """Takes what is pushed and applies no rule."""

    def update(self, gradients: Sequence[Tensor], fetched: Fetched) -> None:
        """Do nothing."""


class Bare:
    """An actor that hands out one array, and takes one."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def fetch(self) -> Any:
        """Return the array."""
        return self.array

    def push(self, array: Any) -> int:
        """Take an array."""
        return len(array)


def of_serving(write: Callable[..., None]) -> None:
    """Measure both."""
    write(
        "Seconds in which a bare Ray actor hands out an array and takes one, over those of a fetch and a push,",
        f"{TENSORS} tensors each, of a server that applies no rule: medians of {PAIRS} pairs (least to largest).",
        "",
        "| MB | bare over ours | MB a second of ours |",
        "|---|---|---|",
    )
    warnings.simplefilter("ignore")
    begin_ray()
    with tempfile.TemporaryDirectory() as folder:
        for size in MEGABYTES:
            ratio, rate = _measured(size, Path(folder) / f"{size}.pt")
            write(f"| {size} | {ratio} | {rate:.0f} |")
    ray_module().shutdown()


def _measured(size: int, checkpoint: Path) -> tuple[Ratio, float]:
    given = [torch.randn(size * 250_000 // TENSORS) for _ in range(TENSORS)]
    server = RemoteServer.start(Idle, given, checkpoint, every=1e9)
    gradients = contiguous_copies(given)  # as a replica holds them
    flat = torch.cat(given).numpy()
    actor = ray_module().remote(num_cpus=0)(Bare).remote(flat)
    spent: list[float] = []

    def ours() -> float:
        spent.append(_seconds(lambda: server.push(gradients, server.fetch())))
        return spent[-1]

    ratio = paired(lambda: _seconds(lambda: _bare(actor, flat)), ours, PAIRS)
    return ratio, 2 * size / min(spent)


def _seconds(both: Callable[[], object]) -> float:
    began = perf_counter()
    for _ in range(ROUNDS):
        both()
    return (perf_counter() - began) / ROUNDS


def _bare(actor: Any, array: Any) -> None:
    ray = ray_module()
    ray.get(actor.fetch.remote())
    ray.get(actor.push.remote(array))
