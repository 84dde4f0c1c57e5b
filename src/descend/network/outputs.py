"""What each layer of a network gives to the next, in the order in which the layers are used.

A `TorchFunctionMode` sees each call of torch, so functional activations are seen as well as modules.
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

from descend.ground.randomness import untouched_randomness

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
    """What one use of a layer gave: behind the activation that follows it, where one does ("" where none)."""

    layer: nn.Module
    name: str
    activation: str
    output: Tensor


def layer_outputs(model: nn.Module, *inputs: Any) -> list[LayerOutput]:
    """Return the outputs of every linear and convolutional layer of `model(*inputs)`, without gradients.

    A layer's activation is the first one called behind it and before the next layer. Model and generators stay as
    they are; buffers that training updates are put back.
    """
    with undisturbed(model), cached(), _Watch(model) as watch:
        model(*inputs)
    return watch.seen


def hidden_layers(model: nn.Module) -> list[nn.Linear | _ConvNd]:
    """Return the linear and convolutional layers but for the last, in the order in which the model names them.

    Those within an attention are left out: it uses their weights without calling them.
    """
    inside = {m for a in model.modules() if isinstance(a, nn.MultiheadAttention) for m in a.modules()}
    return [m for m in model.modules() if isinstance(m, LAYERS) and m not in inside][:-1]


def followed_by(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> set[nn.Module]:
    """Return the modules that one of these kinds follows in the order of the module that holds both."""
    pairs = [pair for parent in model.modules() for pair in pairwise(parent.children())]
    return {one for one, other in pairs if isinstance(other, kinds)}


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Run a model without gradients, and put its buffers and every random stream back, also after an error."""
    held = [(buffer, buffer.clone()) for buffer in model.buffers()]
    with untouched_randomness(), torch.no_grad():
        try:
            yield
        finally:
            for buffer, value in held:
                buffer.copy_(value)


def activation_of(function: Callable[..., Any]) -> str:
    """Return the name of an activation function of torch's; "" for any other."""
    name = getattr(function, "__name__", "").rstrip("_")
    return name if name in ACTIVATIONS else ""


class _Watch(TorchFunctionMode):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.seen: list[LayerOutput] = []
        layers = [(name, m) for name, m in model.named_modules() if isinstance(m, LAYERS)]
        self._layers = {id(layer.weight): (layer, name) for name, layer in layers}

    def __torch_function__(
        self, function: Any, types: Iterable[Any], args: Any = (), kwargs: Any = None
    ) -> Any:  # torch's signature
        result = function(*args, **(kwargs or {}))
        if function in _PRODUCTS:
            weight = args[1] if len(args) > 1 else (kwargs or {}).get("weight")
            if id(weight) in self._layers:
                self.seen.append(LayerOutput(*self._layers[id(weight)], "", result.clone()))
        elif (name := activation_of(function)) and self.seen and self.seen[-1].activation in ("", name):
            last = self.seen[-1]  # a functional call is seen twice, from outside and from inside
            self.seen[-1] = LayerOutput(last.layer, last.name, name, result.clone())
        return result
