"""The number of threads for a measurement: one for a small network, for which more threads would be slower."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

SMALL = 200_000  # A network with at most this many parameters is small.


@contextmanager
def few_threads(parameters: Iterable[Tensor]) -> Iterator[None]:
    """Compute with a single thread inside the `with` block if the network is small."""
    threads = torch.get_num_threads()
    if sum(p.numel() for p in parameters) <= SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
