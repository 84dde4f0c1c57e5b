"""Fresh seeds for a script that seeds itself: the same offset added to every seed that it sets.

A `torch.Generator` of its own is left alone: scripts use one to keep a data split fixed.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch


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
    return [(torch, "manual_seed"), (random, "seed"), *([(numpy.random, "seed")] if numpy is not None else [])]


def _shifted(original: Callable[..., Any], offset: int) -> Callable[..., Any]:
    def seed(*args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], int):
            args = (args[0] + offset, *args[1:])
        for name in ("seed", "a"):
            if isinstance(kwargs.get(name), int):
                kwargs[name] += offset
        return original(*args, **kwargs)

    return seed


def _numpy() -> Any:
    try:
        import numpy
    except ImportError:
        return None
    return numpy
