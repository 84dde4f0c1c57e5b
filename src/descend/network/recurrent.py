"""Initialisation of recurrent layers for long memories."""

import torch
from torch import Tensor, nn

from descend.core.randomness import preserve_random_states

RECURRENT = nn.RNNBase | nn.RNNCellBase
# number of gates in the rows of an LSTM's weights (input, forget, cell, output) and of a GRU's (reset, update, new)
LONG_SHORT, GATED = 4, 3


def initialise_recurrent(model: nn.Module, length: int) -> int:
    """Initialise recurrent layers so that they remember inputs for about `length` steps. Return the number of layers.

    Plain RNNs get orthogonal recurrent weights, whose products neither shrink nor grow (Saxe et al. 2014), and zero
    biases. LSTMs and GRUs get biases for memories of 1 to `length` steps (Tallec & Ollivier 2018, eq. 16: b_f = log
    U(1, T − 1), b_i = −b_f). torch's generator is not advanced.

    Parameters
    ----------
    model : torch.nn.Module
        The model to initialise.
    length : int
        The number of steps that the layers should remember.

    Returns
    -------
    int
        The number of recurrent layers.

    Raises
    ------
    ValueError
        For a length below 3.
    """
    if length < 3:
        raise ValueError(f"length must be at least 3, not {length}")
    layers = [module for module in model.modules() if isinstance(module, RECURRENT)]
    with preserve_random_states(), torch.no_grad():
        for layer in layers:
            for name, parameter in layer.named_parameters():
                _initialise_parameter(name, parameter, layer.hidden_size, length)
    return len(layers)


def _initialise_parameter(name: str, parameter: Tensor, hidden: int, length: int) -> None:
    """Initialise one recurrent weight or bias of a recurrent layer. Weights of the inputs stay unchanged."""
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
