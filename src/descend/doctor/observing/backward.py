"""Stands in the way of backward passes: of the calls that make one, the outermost is reported."""

import functools
import sys
import threading
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch._C import _len_torch_function_stack
from torch.compiler import is_compiling

from descend.doctor.observing.observer import Observer
from descend.doctor.reading.light_sampling import LightSampling
from descend.doctor.reading.passes import Asked

_CREATE_GRAPH = 2  # where `torch.autograd.grad` takes it, after the outputs and the inputs


class _Nesting(threading.local):
    """Whether a backward pass is already being reported: `Tensor.backward` calls `autograd.backward`."""

    inside = False


_nesting = _Nesting()


class _Reporting:
    """While a backward pass is being reported."""

    def __enter__(self) -> None:
        _nesting.inside = True

    def __exit__(self, *error: object) -> None:
        _nesting.inside = False


outermost = _Reporting()


def is_nested(light_sampling: LightSampling) -> bool:
    """Whether a pass is part of one that is being reported."""
    # The autograd engine calls back on threads of its own: a reentrant checkpoint's pass is part of the outer one.
    return _nesting.inside or light_sampling.is_within or isinstance(threading.current_thread(), threading._DummyThread)


def backward(original: Any, observer: Observer) -> Any:
    """For `torch.autograd.backward`.

    It and `Tensor.backward` must be one wrapper each: in a function mode such as the tape's they are calls like others.
    """

    @functools.wraps(original)
    def reporting(tensors: Any, *args: Any, **kwargs: Any) -> None:
        if is_compiling():
            return original(tensors, *args, **kwargs)
        return _reported(original, observer, sys._getframe(1), tensors, args, kwargs)

    return reporting


def tensor_backward(original: Any, observer: Observer) -> Any:
    """For `Tensor.backward`, whose own work is a call of `torch.autograd.backward`: the outer one reports.

    In a stretch of quick rounds that one's `engine` is called at once: what this saves is about what we cost.
    """
    light_sampling, ours = observer.light_sampling, torch.autograd.backward
    engine = ours.__wrapped__  # type: ignore[attr-defined]

    @functools.wraps(original)
    def reporting(tensor: Any, *args: Any, **kwargs: Any) -> None:
        is_plain = (
            light_sampling.on and not args and not kwargs and type(tensor) is Tensor and not _len_torch_function_stack()
        )
        if is_plain and torch.autograd.backward is ours:  # the script may have put something of its own there
            if light_sampling.passes_over:
                return engine(tensor)
            if light_sampling.takes(tensor, sys._getframe(1)):
                light_sampling.within = True
                try:
                    return engine(tensor)
                finally:
                    light_sampling.within = False
        if is_compiling():
            return original(tensor, *args, **kwargs)
        return _reported(original, observer, sys._getframe(1), tensor, args, kwargs)

    return reporting


def _reported(original: Any, observer: Observer, frame: FrameType, tensors: Any, args: Any, kwargs: Any) -> None:
    """Make a backward pass that `frame` calls for, and report it."""
    light_sampling = observer.light_sampling
    if light_sampling.passes_over or is_nested(light_sampling):
        return original(tensors, *args, **kwargs)
    with torch._C.DisableTorchFunction():  # a function mode of the script's own must not see what we ask
        is_taken = light_sampling.on and light_sampling.takes(tensors, frame)
    if is_taken or observer.omits(frame):
        with outermost:
            return original(tensors, *args, **kwargs)
    root = _scalar(tensors)
    if root is None:
        return original(tensors, *args, **kwargs)
    with outermost:
        opened = observer.backward_begins(root, frame)
        original(tensors, *args, **kwargs)
        observer.backward_ended(opened)


def _scalar(outputs: Any) -> Tensor | None:
    """Return the one scalar whose gradient is asked for: several are summed; None where any is no scalar."""
    roots = [outputs] if isinstance(outputs, Tensor) else outputs
    if not isinstance(roots, list | tuple) or not roots:
        return None
    with torch._C.DisableTorchFunction():  # a function mode of the script's own must not see what we ask
        for root in roots:
            if not isinstance(root, Tensor) or root.numel() != 1:
                return None
    return roots[0] if len(roots) == 1 else torch.stack([root.reshape(()) for root in roots]).sum()


def autograd_grad(original: Any, observer: Observer) -> Any:
    """A script without an optimizer may take its gradients by `torch.autograd.grad`; then that is its step."""

    @functools.wraps(original)
    def reporting(outputs: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if is_compiling():
            return original(outputs, inputs, *args, **kwargs)
        wanted = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        root = None if is_nested(observer.light_sampling) else stepped_on(outputs, wanted, args, kwargs)
        if root is None:
            return original(outputs, wanted, *args, **kwargs)
        with outermost:
            if observer.omits(sys._getframe(1)):
                return original(outputs, wanted, *args, **kwargs)
            if observer.steppers.has_optimizer:
                observer.gradient_returned(root, wanted, sys._getframe(1))
                return original(outputs, wanted, *args, **kwargs)
            opened = observer.backward_begins(root, sys._getframe(1), Asked(wanted))
            gradients = original(outputs, wanted, *args, **kwargs)
            observer.backward_ended(opened, {id(t): g for t, g in zip(wanted, gradients) if g is not None})
        return gradients

    return reporting


def stepped_on(outputs: Any, inputs: Any, args: Any, kwargs: Any) -> Tensor | None:
    """Return the scalar whose gradient is asked for, where a step may be made of it: without a graph, and by leaves."""
    if _builds_graph(args, kwargs) or not all(isinstance(t, Tensor) and t.is_leaf for t in inputs):
        return None
    return _scalar(outputs)


def _builds_graph(args: Any, kwargs: Any) -> bool:
    return bool(args[_CREATE_GRAPH] if len(args) > _CREATE_GRAPH else kwargs.get("create_graph", False))


CALLED = (_reported, is_nested, stepped_on, _scalar, _builds_graph)  # by what stands there
