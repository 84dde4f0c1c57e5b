"""Checkpoints of a run that is spread over processes, which a run of another layout can go on from."""

from pathlib import Path
from typing import Any

import torch.distributed.checkpoint as checkpoint
from torch import nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict, set_state_dict
from torch.optim import Optimizer

from descend.parallel.pipelined import Pipelined

BY_NAME = StateDictOptions(flatten_optimizer_state_dict=True)  # of each parameter, so that stages can be put together


def save(folder: str | Path, model: nn.Module, optimizer: Optimizer) -> None:
    """Write what each process holds of the model and of the optimizer's state. Called by all of them."""
    checkpoint.save(_state(model, optimizer), checkpoint_id=folder)


def load(folder: str | Path, model: nn.Module, optimizer: Optimizer) -> None:
    """Take from a checkpoint what this process holds, whatever layout wrote it. Called by all processes.

    Load only checkpoints that you trust: PyTorch unpickles the folder's `.metadata`, and a pickle runs any code.

    Raises `ValueError` where there is no checkpoint, and for one of another model or optimizer.
    """
    if not (Path(folder) / ".metadata").is_file():
        raise ValueError(f"there is no whole checkpoint in {folder}")
    state = _state(model, optimizer)
    try:
        checkpoint.load(state, checkpoint_id=folder)
    except checkpoint.CheckpointException as error:
        why = str(next(iter(error.failures.values()))[0]).splitlines()[0]
        raise ValueError(f"{folder} is the checkpoint of another model or optimizer: {why}") from None
    set_state_dict(
        _held(model), optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"], options=BY_NAME
    )


def _state(model: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    own, rule = get_state_dict(_held(model), optimizer, options=BY_NAME)
    return {"model": own, "optimizer": rule}


def _held(model: nn.Module) -> nn.Module:
    return model.part if isinstance(model, Pipelined) else model
