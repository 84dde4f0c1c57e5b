"""Activations swapped, and put in where there are none, without a change of a network's code."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from descend.network.normalisation import NORMS
from descend.network.outputs import activation_of, followed_by, hidden_layers, undisturbed

MODULES = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.RReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Softplus, nn.Softsign, nn.Tanh, nn.Sigmoid, nn.Hardswish, nn.Hardtanh, nn.Hardsigmoid, nn.Tanhshrink),
    nn.LogSigmoid,
)


@dataclass(frozen=True)
class Swapped:
    """How many activation modules were replaced, and how often a run met functional ones, which stay."""

    modules: int
    functional: dict[str, int]


def swap_activations(model: nn.Module, make: Callable[[], nn.Module], *inputs: Any) -> Swapped:
    """Replace every activation module by a new `make()`; say which activations are functions and stay.

    These are found by running the model on `inputs`; without inputs none is looked for. An output activation that is
    a module is replaced, too.
    """
    count = 0
    for parent in list(model.modules()):
        for name, child in list(parent._modules.items()):  # also where one module has two names
            if isinstance(child, MODULES):
                setattr(parent, name, _like(make(), model).train(child.training))
                count += 1
    return Swapped(count, _functional(model, *inputs) if inputs else {})


def insert_activations(model: nn.Module, make: Callable[[], nn.Module] = nn.ReLU) -> int:
    """Put a new `make()` behind every hidden linear and convolutional layer; return how many sites there were.

    The last layer in the order in which the model names them is the output and is left alone; so are layers that an
    activation or a normalisation follows already, in that order.
    """
    followed = followed_by(model, (*MODULES, *NORMS))
    chosen = [layer for layer in hidden_layers(model) if layer not in followed and "activation" not in layer._modules]
    for layer in chosen:
        layer.add_module("activation", _like(make(), model))
        layer.register_forward_hook(_activate)
    return len(chosen)


def _activate(layer: nn.Module, arguments: Any, output: Tensor) -> Tensor:
    """A forward hook: the layer's output through its activation."""
    result: Tensor = layer.get_submodule("activation")(output)
    return result


def _like(module: nn.Module, model: nn.Module) -> nn.Module:
    """Return the module on the model's device and in its precision."""
    own = next((p for p in model.parameters() if p.is_floating_point()), None)
    return module if own is None else module.to(own.device, own.dtype)


def _functional(model: nn.Module, *inputs: Any) -> dict[str, int]:
    """Return how often each activation is called that belongs to no module of its own."""
    count = _Count()
    hooks = []
    for module in model.modules():
        if isinstance(module, MODULES):
            hooks.append(module.register_forward_pre_hook(count.enter))
            hooks.append(module.register_forward_hook(count.leave))
    try:
        with undisturbed(model), count:
            model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return dict(count.calls)


class _Count(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self._inside = 0

    def enter(self, *_: Any) -> None:
        self._inside += 1

    def leave(self, *_: Any) -> None:
        self._inside -= 1

    def __torch_function__(self, function: Any, types: Iterable[Any], args: Any = (), kwargs: Any = None) -> Any:
        name = activation_of(function)
        if name and not self._inside:
            self.calls[name] += 1
        self._inside += bool(name)  # a functional call is seen again from inside
        try:
            return function(*args, **(kwargs or {}))
        finally:
            self._inside -= bool(name)
