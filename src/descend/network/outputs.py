"""The output of each layer of a network, in the order of use.

A `TorchFunctionMode` intercepts each torch call, so functional activations are found as well as modules.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrize import cached
from torch.overrides import TorchFunctionMode

from descend.core.randomness import preserve_random_states

LAYERS = (nn.Linear, _ConvNd)
ACTIVATIONS = frozenset(
    "relu relu6 leaky_relu rrelu prelu elu selu celu gelu silu mish softplus softsign tanh sigmoid hardswish "
    "hardtanh hardsigmoid tanhshrink logsigmoid".split()
)
_PRODUCTS = {
    *(linear, torch.conv1d, torch.conv2d, torch.conv3d),
    *(torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d),
}


@dataclass(frozen=True)
class LayerOutput:
    """The output of one call of a layer, after its activation.

    Parameters
    ----------
    layer : torch.nn.Module
        The layer.
    name : str
        The layer's name in the model.
    activation : str
        The name of the activation; "" without an activation.
    output : torch.Tensor
        The output, after the activation.
    """

    layer: nn.Module
    name: str
    activation: str
    output: Tensor


def layer_outputs(model: nn.Module, *inputs: Any) -> list[LayerOutput]:
    """Return the output of each linear and convolutional layer in a call `model(*inputs)`, without gradients.

    A layer's activation is the first one called between it and the next layer. Buffers and random generators are
    restored.

    Parameters
    ----------
    model : torch.nn.Module
        The model to call.
    *inputs
        The arguments of the call.

    Returns
    -------
    list of LayerOutput
        The outputs, in the order of the calls.
    """
    with without_side_effects(model), cached(), _OutputRecorder(model) as watch:
        model(*inputs)
    return watch.seen


def hidden_layers(model: nn.Module) -> list[nn.Linear | _ConvNd]:
    """Return all linear and convolutional layers except the last one, in the order of `model.modules()`."""
    return layers_in_order(model)[:-1]


def layers_in_order(model: nn.Module) -> list[nn.Linear | _ConvNd]:
    """Return all linear and convolutional layers, in the order of `model.modules()`.

    Layers inside `nn.MultiheadAttention` are left out, because it uses their weights without calling them.
    """
    inside = {m for a in model.modules() if isinstance(a, nn.MultiheadAttention) for m in a.modules()}
    return [m for m in model.modules() if isinstance(m, LAYERS) and m not in inside]


def modules_followed_by(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> set[nn.Module]:
    """Return the modules after which the next child of the same parent is a module of one of the types in `kinds`."""
    pairs = [pair for parent in model.modules() for pair in pairwise(parent.children())]
    return {one for one, other in pairs if isinstance(other, kinds)}


@contextmanager
def without_side_effects(model: nn.Module) -> Iterator[None]:
    """Run the `with` block without gradients, and restore the model's buffers and all random generators afterwards."""
    held = [(buffer, buffer.clone()) for buffer in model.buffers()]
    with preserve_random_states(), torch.no_grad():
        try:
            yield
        finally:
            for buffer, value in held:
                buffer.copy_(value)


def activation_name(function: Callable[..., Any]) -> str:
    """Return the name of a torch function if it is an activation, such as "relu"; "" for any other function."""
    name = getattr(function, "__name__", "").rstrip("_")
    return name if name in ACTIVATIONS else ""


class _OutputRecorder(TorchFunctionMode):
    """Records the output of each linear and convolutional layer during a forward pass."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.seen: list[LayerOutput] = []
        layers = [(name, m) for name, m in model.named_modules() if isinstance(m, LAYERS)]
        self._layers = {id(layer.weight): (layer, name) for name, layer in layers}

    def __torch_function__(self, function: Any, types: Iterable[Any], args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        if function in _PRODUCTS:
            weight = args[1] if len(args) > 1 else (kwargs or {}).get("weight")
            if id(weight) in self._layers:
                self.seen.append(LayerOutput(*self._layers[id(weight)], "", result.clone()))
        elif (name := activation_name(function)) and self.seen and self.seen[-1].activation in ("", name):
            # torch calls this method twice for an activation: for the function itself and for a call inside it.
            last = self.seen[-1]
            self.seen[-1] = LayerOutput(last.layer, last.name, name, result.clone())
        return result
