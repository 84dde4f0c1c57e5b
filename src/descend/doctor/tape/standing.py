"""Function modes of ours beneath those of the script: it never finds one of ours where it left its own."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.overrides import TorchFunctionMode, _get_current_function_mode, _pop_mode, _push_mode


@contextmanager
def beneath() -> Iterator[None]:
    """Put what is pushed meanwhile below the function modes of the script's own.

    On leaving its modes, and `with torch.device(...)`, the script takes off the stack whatever lies on top. Only the
    default device is kept beneath: torch wants it there.
    """
    default = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    above = []
    while (mode := _get_current_function_mode()) is not None and mode is not default:
        above.append(_pop_mode())
    try:
        yield
    finally:
        for mode in reversed(above):
            _push_mode(mode)


def at_the_bottom(ours: TorchFunctionMode) -> None:
    """Put a mode below those of the script's own."""
    with beneath():
        _push_mode(ours)


def take_off(ours: TorchFunctionMode) -> None:
    """Take a mode off this thread's stack, wherever it lies there."""
    above = []
    while (mode := _get_current_function_mode()) is not None:
        _pop_mode()
        if mode is ours:
            break
        above.append(mode)
    for mode in reversed(above):
        _push_mode(mode)
