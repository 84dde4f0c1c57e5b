"""A run in which nothing is learnt: each step of an optimizer is taken back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook, register_optimizer_step_pre_hook


@contextmanager
def untrained() -> Iterator[None]:
    """Have the parameters stay what they are: what a script measures then is what it measures without learning."""
    kept: dict[int, list[Tensor]] = {}  # id of the optimizer -> its parameters before the step

    def keep(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        kept[id(optimizer)] = [parameter.detach().clone() for parameter in _held(optimizer)]

    def put_back(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        with torch.no_grad():
            for parameter, before in zip(_held(optimizer), kept.pop(id(optimizer), [])):
                parameter.copy_(before)

    hooks = [register_optimizer_step_pre_hook(keep), register_optimizer_step_post_hook(put_back)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _held(optimizer: Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
