"""How many threads a measurement takes: one for a small network, whose calls are over before a second one is awake."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

SMALL = 200_000  # parameters


@contextmanager
def few_threads(parameters: Iterable[Tensor]) -> Iterator[None]:
    """Compute with one thread while it lasts, if the network is small."""
    threads = torch.get_num_threads()
    if sum(p.numel() for p in parameters) <= SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
