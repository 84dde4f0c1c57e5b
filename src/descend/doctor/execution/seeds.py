"""Repeat a script with other seeds: add the same offset to every seed that the script sets.

Seeds of the script's own `torch.Generator` objects are not changed, since scripts use them to keep a data split fixed.
"""

import functools
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from numbers import Integral
from typing import Any

import torch

NUMPY_SEEDS = 2**32  # NumPy accepts only seeds below this number


@contextmanager
def offset_seeds(offset: int) -> Iterator[None]:
    """Seed torch, NumPy and Python with `offset`, and add `offset` to the seeds that the script sets."""
    _seed_all(offset)
    with ExitStack() as stack:
        if offset:
            for owner, name in _seeding_functions():
                original = getattr(owner, name)
                setattr(owner, name, _with_offset(original, offset))
                stack.callback(setattr, owner, name, original)
        yield


def _seed_all(seed: int) -> None:
    """Seed torch, Python and, if installed, NumPy."""
    torch.manual_seed(seed)
    random.seed(seed)
    numpy = _numpy()
    if numpy is not None:
        numpy.random.seed(seed)


def _seeding_functions() -> list[tuple[Any, str]]:
    """Return the functions of torch, Python and NumPy that set a seed, each as its module and its name."""
    numpy = _numpy()
    known: list[tuple[Any, str]] = [(torch, "manual_seed"), (torch.random, "manual_seed"), (random, "seed")]
    return [*known, (numpy.random, "seed")] if numpy is not None else known


def _with_offset(original: Callable[..., Any], offset: int) -> Callable[..., Any]:
    """Return a wrapper of a seeding function that adds the offset to the seed that it receives."""

    @functools.wraps(original)
    def seed(*args: Any, **kwargs: Any) -> Any:
        """Call the seeding function with the offset added to its seed."""
        args = (*(_offset_seed(value, offset) for value in args[:1]), *args[1:])
        kwargs = {
            name: _offset_seed(value, offset) if name in ("seed", "a") else value for name, value in kwargs.items()
        }
        return original(*args, **kwargs)

    return seed


def _offset_seed(seed: Any, offset: int) -> Any:
    """Return a seed plus the offset, within NumPy's range of seeds. Values that are not integers are unchanged."""
    if not isinstance(seed, Integral):
        return seed
    value = int(seed)
    return (value + offset) % NUMPY_SEEDS if 0 <= value < NUMPY_SEEDS else value + offset


def _numpy() -> Any:
    """Return the module `numpy`, or None if NumPy is not installed."""
    try:
        import numpy
    except ImportError:
        return None
    return numpy
