"""Gradients in functional style: `torch.func.grad` and `grad_and_value`, of which the outermost is reported.

Within one each tensor is wrapped. What is looked at is what lies beneath, with the transforms put aside: whatever is
computed under them is wrapped in its turn.
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

from descend.doctor.observing.backward import is_nested, outermost
from descend.doctor.observing.guard import harmless
from descend.doctor.observing.observer import Observer
from descend.doctor.reading.passes import Asked, Opened
from descend.doctor.tape.nesting import leaves

MAKER = (eager_transforms, "grad_and_value_impl")  # all of them come by it, under whatever name they were imported


def grad_and_value(original: Any, observer: Observer) -> Any:
    """Return what stands in for the function that takes the gradient."""

    @functools.wraps(original)
    def taking(func: Any, argnums: Any, has_aux: bool, args: Any, kwargs: Any) -> Any:
        if is_compiling() or is_nested(observer.light_sampling):
            return original(func, argnums, has_aux, args, kwargs)
        if observer.omits(sys._getframe(1)):
            with outermost:
                return original(func, argnums, has_aux, args, kwargs)
        passing = _Passing(observer, dict(chosen(args, argnums)), sys._getframe(1))
        with temporarily_clear_interpreter_stack():
            is_step = passing.may_step()
        if not is_step:
            return original(func, argnums, has_aux, args, kwargs)

        def making(*given: Any, **named: Any) -> Any:
            output = func(*given, **named)
            passing.begins(output[0] if has_aux and isinstance(output, tuple) else output)
            return output

        try:
            with outermost:
                found = original(making, argnums, has_aux, args, kwargs)
                passing.ended([_plain(leaf) for leaf in leaves(found[0]) if isinstance(leaf, Tensor)])
        finally:
            observer.examiner.tape.unwrap(False)
        return found

    return taking


class _Passing:
    """One gradient of a function, by tensors that the script has names for: `frame` asks for it."""

    def __init__(self, observer: Observer, named: Mapping[str, Tensor], frame: FrameType) -> None:
        self.observer, self.names, self.inputs, self.frame = observer, tuple(named), tuple(named.values()), frame
        self.inert, self.stumbled = observer.inert, observer.stumbled
        self.opened: Opened | None = None

    @harmless
    def may_step(self) -> bool:
        """Return whether the gradient may be a step's; those before it were none if nothing was made of them."""
        observer, hand = self.observer, self.observer.hand
        observer.light_sampling.leave()
        if observer.steppers.has_optimizer or not self.inputs:
            return bool(self.inputs) and all(map(observer.faults.is_held, self.inputs))
        if not hand.inherits(self.inputs):
            observer.forget_rehearsal()
        hand.names = self.names
        observer.examiner.tape.unwrap(True)
        return True

    def begins(self, loss: Any) -> None:
        """The function has given its value."""
        if not isinstance(loss, Tensor):
            return  # torch says so itself
        observer, value = self.observer, _plain(loss).detach()
        with temporarily_clear_interpreter_stack():
            value = value if value.ndim == 0 else value.mean()  # of the examples, or the networks, that vmap goes over
            if observer.steppers.has_optimizer:
                observer.gradient_returned(value, self.inputs, self.frame)
            else:
                self.opened = observer.backward_begins(value, self.frame, Asked(self.inputs, loss))

    def ended(self, gradients: Sequence[Tensor]) -> None:
        """The gradient is there."""
        if self.observer.steppers.has_optimizer:
            return
        pairs = zip(self.inputs, gradients)
        returned = {id(p): g.detach() for p, g in pairs if g.shape == p.shape}  # vmap's may have a dimension more
        with temporarily_clear_interpreter_stack():
            self.observer.backward_ended(self.opened, returned)
            self._see_what_becomes_of(gradients)

    @harmless
    def _see_what_becomes_of(self, gradients: Sequence[Tensor]) -> None:
        self.observer.hand.expect_heirs(gradients)


def chosen(args: Sequence[Any], argnums: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors by which the gradient is taken, as they lie beneath, each with its name in a dictionary."""
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    for place, number in enumerate(numbers):
        if not isinstance(number, int) or not -len(args) <= number < len(args):
            return  # torch says so itself
        first = f"{place}." if len(numbers) > 1 else ""
        yield from ((f"{first}{name}", _plain(tensor)) for name, tensor in _named(args[number], ""))


def _named(tree: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(tree, Tensor):
        yield name.removeprefix("."), tree
    elif isinstance(tree, dict):
        for key, item in tree.items():
            yield from _named(item, f"{name}.{key}")
    elif isinstance(tree, list | tuple):
        for i, item in enumerate(tree):
            yield from _named(item, f"{name}.{i}")


def _plain(tensor: Tensor) -> Tensor:
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor
