"""How a recorded training call reads in evaluation: dropout off, normalisation by its running statistics."""

from typing import Any

import torch
import torch.nn.functional as F

DROPOUTS = (F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout)
# function -> the argument that says "training", where it stands, and what it is in evaluation
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
_PACKED_TRAIN = 7  # torch.lstm(data, batch_sizes, hx, params, bias, layers, dropout, train, bidirectional)


def as_evaluated(func: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Return the arguments with which `func` would have been called after `model.eval()`."""
    switch = _SWITCHES.get(func)
    if switch is None or (func in _BY_STATISTICS and _running_mean(args, kwargs) is None):
        return args, kwargs  # without running statistics it normalises by the batch's own in evaluation too
    name, position, value = switch
    if name == "train" and len(args) > _PACKED_TRAIN and isinstance(args[3], list | tuple):
        position = _PACKED_TRAIN
    if len(args) > position:
        return (*args[:position], value, *args[position + 1 :]), kwargs
    return args, {**kwargs, name: value}


def _running_mean(args: tuple, kwargs: dict) -> Any:
    return args[1] if len(args) > 1 else kwargs.get("running_mean")


def drops(func: Any) -> bool:
    """Whether a call draws what it drops, or a slope: `as_evaluated` gives it without."""
    return func in _SWITCHES and func not in _BY_STATISTICS
