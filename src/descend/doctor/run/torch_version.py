"""Whether the interpreter that is to run the script has a torch that can be observed."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

NO_TORCH = 97  # exit status: the interpreter has no torch, or too old a one
OLDEST_TORCH = (2, 11)


def require_torch() -> None:
    """End the process where its interpreter has no torch, or too old a one."""
    try:
        with uncollected():
            import torch
    except ImportError:
        os._exit(NO_TORCH)
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if version < OLDEST_TORCH:
        os._exit(NO_TORCH)


@contextmanager
def uncollected() -> Iterator[None]:
    """Import in four fifths of the time: what is defined is no garbage, but the collector looks through it again."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
