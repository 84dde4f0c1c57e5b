"""Fresh seeds for a script that seeds itself: the same offset added to every seed that it sets.

A `torch.Generator` of its own is left alone: scripts use one to keep a data split fixed.
"""

import functools
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from numbers import Integral
from typing import Any

import torch

NUMPY_SEEDS = 2**32  # NumPy takes none that is larger


@contextmanager
def offset_seeds(offset: int) -> Iterator[None]:
    """Add `offset` to what the script passes to torch's, NumPy's and Python's seeding; seed them where it does not."""
    _seed_all(offset)
    with ExitStack() as stack:
        if offset:
            for owner, name in _seeders():
                original = getattr(owner, name)
                setattr(owner, name, _shifted(original, offset))
                stack.callback(setattr, owner, name, original)
        yield


def _seed_all(seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    numpy = _numpy()
    if numpy is not None:
        numpy.random.seed(seed)


def _seeders() -> list[tuple[Any, str]]:
    numpy = _numpy()
    known: list[tuple[Any, str]] = [(torch, "manual_seed"), (torch.random, "manual_seed"), (random, "seed")]
    return [*known, (numpy.random, "seed")] if numpy is not None else known


def _shifted(original: Callable[..., Any], offset: int) -> Callable[..., Any]:
    @functools.wraps(original)
    def seed(*args: Any, **kwargs: Any) -> Any:
        args = (*(_moved(value, offset) for value in args[:1]), *args[1:])
        kwargs = {name: _moved(value, offset) if name in ("seed", "a") else value for name, value in kwargs.items()}
        return original(*args, **kwargs)

    return seed


def _moved(seed: Any, offset: int) -> Any:
    if not isinstance(seed, Integral):
        return seed
    value = int(seed)
    return (value + offset) % NUMPY_SEEDS if 0 <= value < NUMPY_SEEDS else value + offset


def _numpy() -> Any:
    try:
        import numpy
    except ImportError:
        return None
    return numpy
