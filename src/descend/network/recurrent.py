"""Recurrent layers started so that they keep what they have read."""

import torch
from torch import Tensor, nn

from descend.ground.randomness import untouched_randomness

RECURRENT = nn.RNNBase | nn.RNNCellBase
LONG_SHORT, GATED = 4, 3  # blocks of rows: input, forget, cell, output; reset, update, new


def initialise_recurrent(model: nn.Module, length: int) -> int:
    """Start the recurrent layers so that they remember about `length` steps; return how many there are.

    Plain ones get orthogonal recurrent weights (Saxe et al. 2014: products of them neither shrink nor grow) and no
    bias. Gated ones get biases with which their memories last between 1 and `length` steps (Tallec & Ollivier 2018,
    eq. 16: b_f = log U(1, T − 1), b_i = −b_f). torch's generator is not advanced. Raises `ValueError` for a length
    below 3.
    """
    if length < 3:
        raise ValueError(f"a memory of {length} steps is none; length must be at least 3")
    layers = [module for module in model.modules() if isinstance(module, RECURRENT)]
    with untouched_randomness(), torch.no_grad():
        for layer in layers:
            for name, parameter in layer.named_parameters():
                _start(name, parameter, layer.hidden_size, length)
    return len(layers)


def _start(name: str, parameter: Tensor, hidden: int, length: int) -> None:
    blocks = parameter.shape[0] // hidden
    if blocks == 1 and name.startswith("weight_hh") and parameter.shape[1] == hidden:
        nn.init.orthogonal_(parameter)
    if not name.startswith("bias"):
        return
    memory = torch.empty(hidden).uniform_(1, length - 1).log()
    parts = parameter.view(blocks, hidden)
    if blocks == 1:
        parts.zero_()
    elif blocks == LONG_SHORT:
        parts[0], parts[1] = (-memory, memory) if "_ih" in name else (torch.zeros(()), torch.zeros(()))
    elif blocks == GATED:
        parts[1] = memory if "_ih" in name else torch.zeros(())
