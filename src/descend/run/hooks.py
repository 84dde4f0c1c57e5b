"""Every place where we stand in the script's way, in one file, and undone on leaving.

No hook on `Module.__call__`: dynamo would trace it and the trajectory would change. A training step passes through
the backward wrapper, the two optimizer hooks and the loader's `__next__`: about ten microseconds.
"""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.data import dataloader

from descend.run.frames import constructor_caller
from descend.run.observer import Observer

_COMPILED = "torch.compile is used: its calls cannot be taped without changing the compiled training"


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Report the script's events to `observer` for as long as the context lasts."""
    with ExitStack() as stack:
        for owner, name, make in (
            (nn.Module, "__init__", _module_init),
            (Optimizer, "__init__", _optimizer_init),
            (Tensor, "backward", _backward),
            (torch.autograd, "backward", _autograd_backward),
            (torch.autograd, "grad", _autograd_grad),
            (dataloader._BaseDataLoaderIter, "__next__", _next_batch),
            (dataloader.DataLoader, "__init__", _loader_init),
            (torch.amp.GradScaler, "scale", _scale),
            (torch, "compile", _compile),
        ):
            stack.enter_context(_replaced(owner, name, make(getattr(owner, name), observer)))
        pre = register_optimizer_step_pre_hook(_step_begins(observer))
        stack.callback(pre.remove)
        post = register_optimizer_step_post_hook(lambda optimizer, args, kwargs: observer.step_ended(optimizer))
        stack.callback(post.remove)
        yield


@contextmanager
def _replaced(owner: Any, name: str, new: Any) -> Iterator[None]:
    old = owner.__dict__[name]
    setattr(owner, name, new)
    try:
        yield
    finally:
        setattr(owner, name, old)


def _step_begins(observer: Observer) -> Callable[[Any, Any, Any], None]:
    def step_begins(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        observer.step_begins(optimizer, sys._getframe(1))

    return step_begins


def _module_init(original: Any, observer: Observer) -> Any:
    @functools.wraps(original)
    def __init__(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        observer.modules.note_made(self, sys._getframe(1))

    return __init__


def _optimizer_init(original: Any, observer: Observer) -> Any:
    @functools.wraps(original)
    def __init__(self: Optimizer, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        observer.optimizer_made(self, constructor_caller(sys._getframe(1), self))

    return __init__


def _loader_init(original: Any, observer: Observer) -> Any:
    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        observer.modules.note_loader(constructor_caller(sys._getframe(1), self))

    return __init__


class _Nesting:
    """Whether a backward pass is already being reported: `Tensor.backward` calls `autograd.backward`."""

    inside = False


def _backward(original: Any, observer: Observer) -> Any:
    @functools.wraps(original)
    def backward(self: Tensor, *args: Any, **kwargs: Any) -> None:
        if _Nesting.inside:
            return original(self, *args, **kwargs)
        return _reported(observer, self, sys._getframe(1), lambda: original(self, *args, **kwargs))

    return backward


def _autograd_backward(original: Any, observer: Observer) -> Any:
    @functools.wraps(original)
    def backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
        root = tensors[0] if isinstance(tensors, tuple | list) and len(tensors) == 1 else tensors
        if _Nesting.inside or not isinstance(root, Tensor):
            return original(tensors, *args, **kwargs)
        return _reported(observer, root, sys._getframe(1), lambda: original(tensors, *args, **kwargs))

    return backward


def _reported(observer: Observer, root: Tensor, frame: Any, run: Callable[[], None]) -> None:
    _Nesting.inside = True
    try:
        opened = observer.backward_begins(root, frame) if root.numel() == 1 else None
        run()
        if root.numel() == 1:
            observer.backward_ended(opened)
    finally:
        _Nesting.inside = False


def _autograd_grad(original: Any, observer: Observer) -> Any:
    """A script without an optimizer may take its gradients by `torch.autograd.grad`; then that is its step."""

    @functools.wraps(original)
    def grad(outputs: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        root = outputs[0] if isinstance(outputs, tuple | list) and len(outputs) == 1 else outputs
        wanted = [inputs] if isinstance(inputs, Tensor) else list(inputs)
        trains = isinstance(root, Tensor) and root.numel() == 1 and all(t.is_leaf for t in wanted)
        by_hand = trains and not observer.has_optimizer and not kwargs.get("create_graph", False)
        if _Nesting.inside or not by_hand:
            return original(outputs, inputs, *args, **kwargs)
        _Nesting.inside = True
        try:
            opened = observer.backward_begins(root, sys._getframe(1))
            gradients = original(outputs, inputs, *args, **kwargs)
            found = {id(t): g.detach() for t, g in zip(wanted, gradients) if g is not None}
            observer.backward_ended(opened, found)
        finally:
            _Nesting.inside = False
        return gradients

    return grad


def _next_batch(original: Any, observer: Observer) -> Any:
    @functools.wraps(original)
    def __next__(self: Any) -> Any:
        observer.batch_begins()
        try:
            return original(self)
        finally:
            observer.batch_ended()

    return __next__


def _scale(original: Any, observer: Observer) -> Any:
    @functools.wraps(original)
    def scale(self: Any, outputs: Any) -> Any:
        scaled = original(self, outputs)
        if isinstance(outputs, Tensor):
            observer.loss_scaled(scaled, outputs)
        return scaled

    return scale


def _compile(original: Any, observer: Observer) -> Any:
    @functools.wraps(original)
    def compile(*args: Any, **kwargs: Any) -> Any:
        observer.examiner.block(_COMPILED)
        return original(*args, **kwargs)

    return compile
