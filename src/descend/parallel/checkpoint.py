"""Checkpoints of a distributed run. A run with another layout can resume from these checkpoints."""

from pathlib import Path
from typing import Any

import torch.distributed.checkpoint as checkpoint
from torch import nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict, set_state_dict
from torch.optim import Optimizer

from descend.parallel.pipelined import Pipelined

# Optimizer state is stored by parameter name, so a run with other pipeline stages can load it.
BY_NAME = StateDictOptions(flatten_optimizer_state_dict=True)


def save(folder: str | Path, model: nn.Module, optimizer: Optimizer) -> None:
    """Write this process's part of the model and of the optimizer state to `folder`. All processes must call this.

    Parameters
    ----------
    folder : str or pathlib.Path
        The folder of the checkpoint.
    model : torch.nn.Module
        This process's part of the model.
    optimizer : torch.optim.Optimizer
        This process's optimizer.
    """
    checkpoint.save(_state_dicts(model, optimizer), checkpoint_id=folder)


def load(folder: str | Path, model: nn.Module, optimizer: Optimizer) -> None:
    """Load this process's part of a checkpoint, which may be of another layout. All processes must call this.

    Load only checkpoints that you trust: PyTorch unpickles the folder's `.metadata`, and a pickle runs any code.

    Parameters
    ----------
    folder : str or pathlib.Path
        The folder of the checkpoint.
    model : torch.nn.Module
        This process's part of the model.
    optimizer : torch.optim.Optimizer
        This process's optimizer.

    Raises
    ------
    ValueError
        If there is no complete checkpoint, or if it belongs to another model or optimizer.
    """
    if not (Path(folder) / ".metadata").is_file():
        raise ValueError(f"{folder} contains no complete checkpoint")
    state = _state_dicts(model, optimizer)
    try:
        checkpoint.load(state, checkpoint_id=folder)
    except checkpoint.CheckpointException as error:
        why = str(next(iter(error.failures.values()))[0]).splitlines()[0]
        raise ValueError(f"the checkpoint in {folder} belongs to a different model or optimizer: {why}") from None
    set_state_dict(
        _local_part(model),
        optimizer,
        model_state_dict=state["model"],
        optim_state_dict=state["optimizer"],
        options=BY_NAME,
    )


def _state_dicts(model: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """Return the state dicts of this process's part of the model and of its optimizer."""
    own, rule = get_state_dict(_local_part(model), optimizer, options=BY_NAME)
    return {"model": own, "optimizer": rule}


def _local_part(model: nn.Module) -> nn.Module:
    """Return this process's stage of a pipelined model; any other model is returned unchanged."""
    return model.part if isinstance(model, Pipelined) else model
