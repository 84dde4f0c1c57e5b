"""Wrapper of `torch.func.grad` and `grad_and_value` that reports functional gradients; only the outermost is reported.

Inside such a transform each tensor is wrapped. We observe the wrapped tensors' plain values outside the transform,
because results computed inside it would be wrapped, too.
"""

import functools
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch._functorch import eager_transforms
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.compiler import is_compiling

from descend.doctor.instrumentation.backward_wrappers import is_nested, outermost
from descend.doctor.instrumentation.internal_errors import never_raises
from descend.doctor.instrumentation.observer import Observer
from descend.doctor.instrumentation.steps.backward_passes import GradientRequest, PendingPass
from descend.doctor.tape.nesting import leaves

# torch.func.grad and grad_and_value both call this function, under whatever names they were imported.
MAKER = (eager_transforms, "grad_and_value_impl")


def wrap_grad_and_value(original: Any, observer: Observer) -> Any:
    """Return a wrapper of `grad_and_value_impl` that reports each gradient to the observer."""

    @functools.wraps(original)
    def grad_and_value(func: Any, argnums: Any, has_aux: bool, args: Any, kwargs: Any) -> Any:
        """Compute the gradient of the script's function, and report it to the observer."""
        if is_compiling() or is_nested(observer.light_sampling):
            return original(func, argnums, has_aux, args, kwargs)
        if observer.skips_manual_step(sys._getframe(1)):
            with outermost:
                return original(func, argnums, has_aux, args, kwargs)
        gradient = _FunctionalGradient(observer, dict(tensors_to_differentiate(args, argnums)), sys._getframe(1))
        with temporarily_clear_interpreter_stack():
            is_step = gradient.is_for_step()
        if not is_step:
            return original(func, argnums, has_aux, args, kwargs)

        def evaluate_function(*given: Any, **named: Any) -> Any:
            """Call the script's function, and report the value that it returns as the loss."""
            output = func(*given, **named)
            gradient.loss_computed(output[0] if has_aux and isinstance(output, tuple) else output)
            return output

        try:
            with outermost:
                found = original(evaluate_function, argnums, has_aux, args, kwargs)
                gradient.gradient_computed([_unwrap(leaf) for leaf in leaves(found[0]) if isinstance(leaf, Tensor)])
        finally:
            observer.probe_runner.tape.set_unwrapping(False)
        return found

    return grad_and_value


class _FunctionalGradient:
    """A gradient with respect to named tensors that the script computes with `torch.func.grad`."""

    def __init__(self, observer: Observer, named: Mapping[str, Tensor], frame: FrameType) -> None:
        self.observer, self.names, self.inputs, self.frame = observer, tuple(named), tuple(named.values()), frame
        self.is_disabled, self.on_internal_error = observer.is_disabled, observer.on_internal_error
        self.opened: PendingPass | None = None

    @never_raises
    def is_for_step(self) -> bool:
        """Return whether a step may use the gradient. Forget earlier gradients that no step has used."""
        observer, hand = self.observer, self.observer.manual_updates
        observer.light_sampling.stop()
        if observer.steppers.has_optimizer or not self.inputs:
            return bool(self.inputs) and all(map(observer.early_checks.is_held, self.inputs))
        if not hand.trains_with(self.inputs):
            observer.forget_untrained_passes()
        hand.names = self.names
        observer.probe_runner.tape.set_unwrapping(True)
        return True

    def loss_computed(self, loss: Any) -> None:
        """Report the value of the script's function as the loss of a backward pass."""
        if not isinstance(loss, Tensor):
            return  # PyTorch raises an error for a loss that is not a tensor.
        observer, value = self.observer, _unwrap(loss).detach()
        with temporarily_clear_interpreter_stack():
            value = value if value.ndim == 0 else value.mean()  # Under vmap, there are several losses.
            if observer.steppers.has_optimizer:
                observer.gradient_returned(value, self.inputs, self.frame)
            else:
                self.opened = observer.backward_begins(value, self.frame, GradientRequest(self.inputs, loss))

    def gradient_computed(self, gradients: Sequence[Tensor]) -> None:
        """Report the gradients that `torch.func.grad` has computed as the end of a backward pass."""
        if self.observer.steppers.has_optimizer:
            return
        pairs = zip(self.inputs, gradients)
        # A gradient under vmap may have an additional dimension.
        returned = {id(p): g.detach() for p, g in pairs if g.shape == p.shape}
        with temporarily_clear_interpreter_stack():
            self.observer.backward_ended(self.opened, returned)
            self._follow_results(gradients)

    @never_raises
    def _follow_results(self, gradients: Sequence[Tensor]) -> None:
        """Observe what the script computes from the gradients, because it may update parameters by hand."""
        self.observer.manual_updates.follow_gradients(gradients)


def tensors_to_differentiate(args: Sequence[Any], argnums: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield (name, unwrapped tensor) for each tensor with respect to which `torch.func.grad` differentiates."""
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    for place, number in enumerate(numbers):
        if not isinstance(number, int) or not -len(args) <= number < len(args):
            return  # PyTorch raises an error for an invalid argument number.
        first = f"{place}." if len(numbers) > 1 else ""
        yield from ((f"{first}{name}", _unwrap(tensor)) for name, tensor in _named_tensors(args[number], ""))


def _named_tensors(tree: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """Yield (dotted name, tensor) for each tensor in nested dictionaries and lists."""
    if isinstance(tree, Tensor):
        yield name.removeprefix("."), tree
    elif isinstance(tree, dict):
        for key, item in tree.items():
            yield from _named_tensors(item, f"{name}.{key}")
    elif isinstance(tree, list | tuple):
        for i, item in enumerate(tree):
            yield from _named_tensors(item, f"{name}.{i}")


def _unwrap(tensor: Tensor) -> Tensor:
    """Return the plain tensor inside a tensor that function transforms such as `vmap` have wrapped."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor
