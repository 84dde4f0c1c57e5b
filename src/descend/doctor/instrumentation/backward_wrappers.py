"""Wrappers of `Tensor.backward`, `torch.autograd.backward` and `torch.autograd.grad` that report backward passes.

Of nested calls only the outermost is reported, because `Tensor.backward` calls `torch.autograd.backward`.
"""

import functools
import sys
import threading
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch._C import _len_torch_function_stack
from torch.compiler import is_compiling

from descend.doctor.instrumentation.observer import Observer
from descend.doctor.instrumentation.steps.backward_passes import GradientRequest
from descend.doctor.instrumentation.steps.light_sampling import LightSampling

_CREATE_GRAPH = 2  # position of the argument `create_graph` of `torch.autograd.grad`, after outputs and inputs


class _ThreadState(threading.local):
    """Stores for each thread whether it is inside a backward pass that is being reported."""

    inside = False


_thread_state = _ThreadState()


class _ReportedPass:
    """A context that marks the current thread as being inside a backward pass that is being reported."""

    def __enter__(self) -> None:
        _thread_state.inside = True

    def __exit__(self, *error: object) -> None:
        _thread_state.inside = False


outermost = _ReportedPass()


def is_nested(light_sampling: LightSampling) -> bool:
    """Return whether a backward pass is part of another backward pass that is being reported."""
    # A thread of the autograd engine runs a backward pass only inside another one, as in a reentrant checkpoint.
    return (
        _thread_state.inside
        or light_sampling.is_within
        or isinstance(threading.current_thread(), threading._DummyThread)
    )


def wrap_autograd_backward(original: Any, observer: Observer) -> Any:
    """Return a wrapper of `torch.autograd.backward` that reports each backward pass to the observer.

    `Tensor.backward` needs its own wrapper, because function modes such as the tape treat both as separate calls.
    """

    @functools.wraps(original)
    def backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
        """Run the backward pass and report it to the observer."""
        if is_compiling():
            return original(tensors, *args, **kwargs)
        return _run_and_report(original, observer, sys._getframe(1), tensors, args, kwargs)

    return backward


def wrap_tensor_backward(original: Any, observer: Observer) -> Any:
    """Return a wrapper of `Tensor.backward` that reports each backward pass to the observer.

    In lightly sampled steps it calls the original of `torch.autograd.backward` directly, which saves half of our cost.
    """
    light_sampling, ours = observer.light_sampling, torch.autograd.backward
    engine = ours.__wrapped__  # type: ignore[attr-defined]

    @functools.wraps(original)
    def backward(tensor: Any, *args: Any, **kwargs: Any) -> None:
        """Run the backward pass, and report it unless it is part of another backward pass."""
        is_plain = (
            light_sampling.is_on
            and not args
            and not kwargs
            and type(tensor) is Tensor
            and not _len_torch_function_stack()
        )
        if is_plain and torch.autograd.backward is ours:  # The script may have replaced our wrapper.
            if light_sampling.rounds_to_skip:
                return engine(tensor)
            if light_sampling.read_pass(tensor, sys._getframe(1)):
                light_sampling.within = True
                try:
                    return engine(tensor)
                finally:
                    light_sampling.within = False
        if is_compiling():
            return original(tensor, *args, **kwargs)
        return _run_and_report(original, observer, sys._getframe(1), tensor, args, kwargs)

    return backward


def _run_and_report(original: Any, observer: Observer, frame: FrameType, tensors: Any, args: Any, kwargs: Any) -> None:
    """Run a backward pass called from `frame`. Report it unless it is nested, skipped, or has a non-scalar output."""
    light_sampling = observer.light_sampling
    if light_sampling.rounds_to_skip or is_nested(light_sampling):
        original(tensors, *args, **kwargs)
        return
    with torch._C.DisableTorchFunction():  # The script's own function modes must not see our operations.
        is_taken = light_sampling.is_on and light_sampling.read_pass(tensors, frame)
    if is_taken or observer.skips_manual_step(frame):
        with outermost:
            original(tensors, *args, **kwargs)
        return
    root = _differentiated_sum(tensors)
    if root is None:
        original(tensors, *args, **kwargs)
        return
    with outermost:
        opened = observer.backward_begins(root, frame)
        original(tensors, *args, **kwargs)
        observer.backward_ended(opened)


def _differentiated_sum(outputs: Any) -> Tensor | None:
    """Return the sum of the scalars that a backward pass differentiates; None if an output is not a scalar."""
    roots = [outputs] if isinstance(outputs, Tensor) else outputs
    if not isinstance(roots, list | tuple) or not roots:
        return None
    with torch._C.DisableTorchFunction():  # The script's own function modes must not see our operations.
        for root in roots:
            if not isinstance(root, Tensor) or root.numel() != 1:
                return None
    return roots[0] if len(roots) == 1 else torch.stack([root.reshape(()) for root in roots]).sum()


def wrap_autograd_grad(original: Any, observer: Observer) -> Any:
    """Return a wrapper of `torch.autograd.grad` that reports the gradients which a step may use."""

    @functools.wraps(original)
    def grad(outputs: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the gradient, and report it if an optimizer step or a manual update may use it."""
        if is_compiling():
            return original(outputs, inputs, *args, **kwargs)
        wanted = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        root = None if is_nested(observer.light_sampling) else differentiated_scalar(outputs, wanted, args, kwargs)
        if root is None:
            return original(outputs, wanted, *args, **kwargs)
        with outermost:
            if observer.skips_manual_step(sys._getframe(1)):
                return original(outputs, wanted, *args, **kwargs)
            if observer.steppers.has_optimizer:
                observer.gradient_returned(root, wanted, sys._getframe(1))
                return original(outputs, wanted, *args, **kwargs)
            opened = observer.backward_begins(root, sys._getframe(1), GradientRequest(wanted))
            gradients = original(outputs, wanted, *args, **kwargs)
            observer.backward_ended(opened, {id(t): g for t, g in zip(wanted, gradients) if g is not None})
        return gradients

    return grad


def differentiated_scalar(outputs: Any, inputs: Any, args: Any, kwargs: Any) -> Tensor | None:
    """Return the scalar that `torch.autograd.grad` differentiates; None if a step cannot use the gradient.

    A step can use it if all inputs are leaf tensors and `create_graph` is false.
    """
    if _builds_graph(args, kwargs) or not all(isinstance(t, Tensor) and t.is_leaf for t in inputs):
        return None
    return _differentiated_sum(outputs)


def _builds_graph(args: Any, kwargs: Any) -> bool:
    """Return whether a call of `torch.autograd.grad` has `create_graph=True`."""
    return bool(args[_CREATE_GRAPH] if len(args) > _CREATE_GRAPH else kwargs.get("create_graph", False))


# The wrappers call these functions, which torch.compile must skip.
HELPERS = (_run_and_report, is_nested, differentiated_scalar, _differentiated_sum, _builds_graph)
