"""Replacing and inserting activation modules without a change of the network's code."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from descend.network.normalisation import NORMS
from descend.network.outputs import activation_name, hidden_layers, modules_followed_by, without_side_effects

MODULES = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.RReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Softplus, nn.Softsign, nn.Tanh, nn.Sigmoid, nn.Hardswish, nn.Hardtanh, nn.Hardsigmoid, nn.Tanhshrink),
    nn.LogSigmoid,
)


@dataclass(frozen=True)
class Swapped:
    """The number of replaced activation modules, and how often each functional activation, not replaced, is called.

    Parameters
    ----------
    modules : int
        The number of replaced activation modules.
    functional : dict of str to int
        The number of calls of each functional activation, which is not replaced.
    """

    modules: int
    functional: dict[str, int]


def swap_activations(model: nn.Module, make: Callable[[], nn.Module], *inputs: Any) -> Swapped:
    """Replace every activation module by a new `make()`. Return how many, and the functional activations that remain.

    An output activation is replaced, too, if it is a module.

    Parameters
    ----------
    model : torch.nn.Module
        The model to change.
    make : callable
        Returns a new activation module.
    *inputs
        The arguments of a forward pass, which finds the functional activations. Without inputs they are not reported.

    Returns
    -------
    Swapped
        The number of replaced modules, and the calls of functional activations.
    """
    count = 0
    for parent in list(model.modules()):
        # Unlike `named_children`, `_modules` contains a shared module under each of its names.
        for name, child in list(parent._modules.items()):
            if isinstance(child, MODULES):
                setattr(parent, name, _move_to_model(make(), model).train(child.training))
                count += 1
    return Swapped(count, _count_functional_calls(model, *inputs) if inputs else {})


def insert_activations(model: nn.Module, make: Callable[[], nn.Module] = nn.ReLU) -> int:
    """Insert a new `make()` after every hidden linear or convolutional layer; return the number of these layers.

    The last layer in the order of `model.modules()` is the output layer and stays unchanged. So do layers that an
    activation or a normalisation already follows in that order.

    Parameters
    ----------
    model : torch.nn.Module
        The model to change.
    make : callable
        Returns a new activation module.

    Returns
    -------
    int
        The number of layers that got an activation.
    """
    followed = modules_followed_by(model, (*MODULES, *NORMS))
    chosen = [layer for layer in hidden_layers(model) if layer not in followed and "activation" not in layer._modules]
    for layer in chosen:
        layer.add_module("activation", _move_to_model(make(), model))
        layer.register_forward_hook(_apply_activation)
    return len(chosen)


def _apply_activation(layer: nn.Module, arguments: Any, output: Tensor) -> Tensor:
    """Return a layer's output after the activation module inserted into the layer. Registered as a forward hook."""
    result: Tensor = layer.get_submodule("activation")(output)
    return result


def _move_to_model(module: nn.Module, model: nn.Module) -> nn.Module:
    """Move a new module to the device and dtype of the model, and return the module."""
    own = next((p for p in model.parameters() if p.is_floating_point()), None)
    return module if own is None else module.to(own.device, own.dtype)


def _count_functional_calls(model: nn.Module, *inputs: Any) -> dict[str, int]:
    """Run the model. Return the number of calls of each activation function outside activation modules, by its name."""
    count = _FunctionalCallCounter()
    hooks = []
    for module in model.modules():
        if isinstance(module, MODULES):
            hooks.append(module.register_forward_pre_hook(count.pause_counting))
            hooks.append(module.register_forward_hook(count.resume_counting))
    try:
        with without_side_effects(model), count:
            model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return dict(count.calls)


class _FunctionalCallCounter(TorchFunctionMode):
    """Counts the calls of activation functions, such as `relu`, that are not made by activation modules."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self._inside = 0

    def pause_counting(self, *_: Any) -> None:
        """Pause counting while an activation module runs, so that the calls inside it are not counted.

        Registered as a forward pre-hook of the module.
        """
        self._inside += 1

    def resume_counting(self, *_: Any) -> None:
        """Resume counting after an activation module has run. Registered as a forward hook of the module."""
        self._inside -= 1

    def __torch_function__(self, function: Any, types: Iterable[Any], args: Any = (), kwargs: Any = None) -> Any:
        name = activation_name(function)
        if name and not self._inside:
            self.calls[name] += 1
        self._inside += bool(name)  # A function that calls another activation function is counted once.
        try:
            return function(*args, **(kwargs or {}))
        finally:
            self._inside -= bool(name)
