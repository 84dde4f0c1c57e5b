"""Undo each optimizer step, for a run without learning."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook, register_optimizer_step_pre_hook


@contextmanager
def undo_optimizer_steps() -> Iterator[None]:
    """Undo each optimizer step, so that the script computes its metrics without learning."""
    kept: dict[int, list[Tensor]] = {}  # id of an optimizer -> copies of its parameters before its step

    def keep(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """Copy the optimizer's parameters before its step."""
        kept[id(optimizer)] = [parameter.detach().clone() for parameter in _parameters(optimizer)]

    def put_back(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """Restore the optimizer's parameters after its step."""
        with torch.no_grad():
            for parameter, before in zip(_parameters(optimizer), kept.pop(id(optimizer), [])):
                parameter.copy_(before)

    hooks = [register_optimizer_step_pre_hook(keep), register_optimizer_step_post_hook(put_back)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    """Return the parameters in all groups of an optimizer."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
