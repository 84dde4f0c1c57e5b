"""Keep the torch function modes of `descend` at the bottom of torch's mode stack.

A script that leaves its own mode pops the top of the stack, so our modes must stay below it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.overrides import TorchFunctionMode, _get_current_function_mode, _pop_mode, _push_mode


@contextmanager
def below_script_modes() -> Iterator[None]:
    """Put modes that are pushed inside the `with` block below the script's torch function modes on the stack.

    A script that leaves one of its modes, or `with torch.device(...)`, pops the top of the stack without looking at it.
    Only the mode of the default device stays at the very bottom, where torch expects it.
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


def push_at_bottom(ours: TorchFunctionMode) -> None:
    """Push one of our torch function modes onto the stack, below the modes of the script."""
    with below_script_modes():
        _push_mode(ours)


def remove_mode(ours: TorchFunctionMode) -> None:
    """Remove one of our torch function modes from this thread's stack, whatever its position in the stack."""
    above = []
    while (mode := _get_current_function_mode()) is not None:
        _pop_mode()
        if mode is ours:
            break
        above.append(mode)
    for mode in reversed(above):
        _push_mode(mode)
