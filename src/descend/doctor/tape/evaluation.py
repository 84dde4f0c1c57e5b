"""The evaluation form of a recorded training call: no dropout, and normalisation by running statistics."""

from typing import Any

import torch
import torch.nn.functional as F

DROPOUTS = (F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout)
# function -> (name of the argument that switches training mode, its position, its value in evaluation mode)
_SWITCHES: dict[Any, tuple[str, int, Any]] = {
    **dict.fromkeys(DROPOUTS, ("training", 2, False)),
    F.rrelu: ("training", 3, False),
    F.batch_norm: ("training", 5, False),
    F.instance_norm: ("use_input_stats", 5, False),
    F.multi_head_attention_forward: ("training", 13, False),
    F.scaled_dot_product_attention: ("dropout_p", 4, 0.0),
    torch.dropout: ("train", 2, False),
    torch.alpha_dropout: ("train", 2, False),
    torch.feature_dropout: ("train", 2, False),
    torch.feature_alpha_dropout: ("train", 2, False),
    torch.lstm: ("train", 6, False),
    torch.gru: ("train", 6, False),
    torch.rnn_tanh: ("train", 6, False),
    torch.rnn_relu: ("train", 6, False),
}
_BY_STATISTICS = (F.batch_norm, F.instance_norm)
# For packed input, the signature is torch.lstm(data, batch_sizes, hx, params, bias, layers, dropout, train, …).
_PACKED_TRAIN = 7


def evaluation_arguments(func: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Return the arguments that the torch function `func` would have received after `model.eval()`."""
    switch = _SWITCHES.get(func)
    if switch is None or (func in _BY_STATISTICS and _running_mean(args, kwargs) is None):
        return args, kwargs  # Without running statistics, evaluation normalises by the batch's statistics too.
    name, position, value = switch
    if name == "train" and len(args) > _PACKED_TRAIN and isinstance(args[3], list | tuple):
        position = _PACKED_TRAIN
    if len(args) > position:
        return (*args[:position], value, *args[position + 1 :]), kwargs
    return args, {**kwargs, name: value}


def _running_mean(args: tuple, kwargs: dict) -> Any:
    """Return the running mean among the arguments of a normalisation function; None if there is no such argument."""
    return args[1] if len(args) > 1 else kwargs.get("running_mean")


def is_random_in_training(func: Any) -> bool:
    """Return whether a torch function draws random numbers only in training mode, as dropout and `rrelu` do."""
    return func in _SWITCHES and func not in _BY_STATISTICS
