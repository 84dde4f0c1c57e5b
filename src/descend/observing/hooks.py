"""Every place where we stand in the script's way, in one file, and undone on leaving.

No hook on `Module.__call__`: dynamo would trace it and the trajectory would change. Where dynamo traces one of these,
it does nothing: a compiled optimizer's steps are not seen. A training step passes through the backward wrapper, the
two optimizer hooks and the loader's `__next__`: ten microseconds where it is a plain one, twenty where it is not.
"""

import functools
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._C import _len_torch_function_stack
from torch.compiler import is_compiling
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.data import dataloader

from descend.observing.compilation import keep_out_of_graphs
from descend.observing.frames import constructor_caller
from descend.observing.makings import optimizer_init
from descend.observing.observer import Observer
from descend.observing.replacing import replaced

_CREATE_GRAPH = 2  # where `torch.autograd.grad` takes it, after the outputs and the inputs

_Hooked = tuple[Any, str, Callable[[Any, Observer], Any]]  # an attribute's owner, its name, what makes its stand-in


@contextmanager
def noting_makers(observer: Observer) -> Iterator[None]:
    """Report where modules and loaders are made and what is loaded, and nothing else."""
    with ExitStack() as stack:
        _report(stack, observer, _makers())
        yield


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Report the script's events to `observer` for as long as the context lasts."""
    with ExitStack() as stack:
        begins, ends = _step_begins(observer), _step_ends(observer)
        places: tuple[_Hooked, ...] = (
            *_makers(),
            (Optimizer, "__init__", optimizer_init),
            (Tensor, "backward", functools.partial(_backward, engine=torch.autograd.backward)),
            (torch.autograd, "backward", _backward),
            (torch.autograd, "grad", _autograd_grad),
            (dataloader._BaseDataLoaderIter, "__next__", _next_batch),
            (torch.amp.GradScaler, "scale", _scale),
        )
        hooks = [begins, ends, _is_nested, _scalar, _builds_graph, *_report(stack, observer, places)]
        if not observer.owning:
            stack.enter_context(replaced(torch, "compile", _compile(torch.compile, observer, hooks)))
        stack.callback(register_optimizer_step_pre_hook(begins).remove)
        stack.callback(register_optimizer_step_post_hook(ends).remove)
        yield


def _makers() -> tuple[_Hooked, ...]:
    return (
        (nn.Module, "__init__", _module_init),
        (dataloader.DataLoader, "__init__", _loader_init),
        (nn.Module, "load_state_dict", _load_state_dict),
    )


def _report(stack: ExitStack, observer: Observer, places: Iterable[_Hooked]) -> list[Any]:
    """Put what reports to `observer` in each place for as long as the stack lasts; return what stands there."""
    hooks = []
    for owner, name, make in places:
        hooks.append(make(getattr(owner, name), observer))
        stack.enter_context(replaced(owner, name, hooks[-1]))
    return hooks


def _step_begins(observer: Observer) -> Any:
    cruise = observer.cruise

    def step_begins(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if is_compiling():
            return
        if not cruise.on or len(args) > 1 or kwargs:  # a closure
            observer.step_begins(optimizer, sys._getframe(1))

    return step_begins


def _step_ends(observer: Observer) -> Any:
    cruise = observer.cruise

    def step_ends(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if is_compiling():
            return
        if not (cruise.on and cruise.steps(optimizer)):
            observer.step_ended(optimizer)

    return step_ends


def _module_init(original: Any, observer: Observer) -> Any:
    @functools.wraps(original)
    def __init__(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if not is_compiling():
            observer.module_made(self, sys._getframe(1))

    return __init__


def _loader_init(original: Any, observer: Observer) -> Any:
    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        observer.loader_made(self, constructor_caller(sys._getframe(1), self))

    return __init__


def _load_state_dict(original: Any, observer: Observer) -> Any:
    @functools.wraps(original)
    def load_state_dict(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        outcome = original(self, *args, **kwargs)
        given = args[0] if args else kwargs.get("state_dict")
        observer.checkpoints.loaded(self, given, outcome, sys._getframe(1))
        return outcome

    return load_state_dict


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


_reporting = _Reporting()


def _is_nested() -> bool:
    # The autograd engine calls back on threads of its own: a reentrant checkpoint's pass is part of the outer one.
    return _nesting.inside or isinstance(threading.current_thread(), threading._DummyThread)


def _backward(original: Any, observer: Observer, engine: Any = None) -> Any:
    """For `Tensor.backward` and for `torch.autograd.backward`, the `engine` that it calls: the outer one reports.

    The first must be one of them: within a function mode such as the tape's it would be a call like any other.
    In a stretch of quick rounds the engine is called at once: what that saves is what we cost.
    """

    cruise = observer.cruise

    @functools.wraps(original)
    def backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
        is_plain = engine is not None and not args and not kwargs and type(tensors) is Tensor
        is_quick = cruise.on and is_plain and not _len_torch_function_stack()
        if is_quick and (cruise.passes_over and not _nesting.inside or cruise.takes(tensors, sys._getframe(1))):
            inner: Any = torch.autograd.backward  # the script may have put something of its own there
            inner = engine if getattr(inner, "__wrapped__", None) is engine else inner
            _nesting.inside = True
            try:
                return inner(tensors)
            finally:
                _nesting.inside = False
        if is_compiling() or _nesting.inside or cruise.passes_over:
            return original(tensors, *args, **kwargs)
        if cruise.on and not is_quick and cruise.takes(tensors, sys._getframe(1)):
            with _reporting:
                return original(tensors, *args, **kwargs)
        root = None if _is_nested() else _scalar(tensors)
        if root is None:
            return original(tensors, *args, **kwargs)
        with _reporting:
            opened = observer.backward_begins(root, sys._getframe(1))
            original(tensors, *args, **kwargs)
            observer.backward_ended(opened)

    return backward


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


def _autograd_grad(original: Any, observer: Observer) -> Any:
    """A script without an optimizer may take its gradients by `torch.autograd.grad`; then that is its step."""

    @functools.wraps(original)
    def grad(outputs: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if is_compiling():
            return original(outputs, inputs, *args, **kwargs)
        wanted = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        root = None if _is_nested() or _builds_graph(args, kwargs) else _scalar(outputs)
        if root is None or not all(isinstance(t, Tensor) and t.is_leaf for t in wanted):
            return original(outputs, wanted, *args, **kwargs)
        with _reporting:
            if observer.has_optimizer:
                observer.gradient_returned(root, wanted, sys._getframe(1))
                return original(outputs, wanted, *args, **kwargs)
            opened = observer.backward_begins(root, sys._getframe(1))
            gradients = original(outputs, wanted, *args, **kwargs)
            observer.backward_ended(opened, {id(t): g for t, g in zip(wanted, gradients) if g is not None})
        return gradients

    return grad


def _builds_graph(args: Any, kwargs: Any) -> bool:
    return bool(args[_CREATE_GRAPH] if len(args) > _CREATE_GRAPH else kwargs.get("create_graph", False))


def _next_batch(original: Any, observer: Observer) -> Any:
    @functools.wraps(original)
    def __next__(self: Any) -> Any:
        if not observer.examiner.tape.runs:
            return original(self)
        observer.batch_begins()
        batch = None
        try:
            batch = original(self)
        finally:
            observer.batch_ended(self, batch)
        return batch

    return __next__


def _scale(original: Any, observer: Observer) -> Any:
    @functools.wraps(original)
    def scale(self: Any, outputs: Any) -> Any:
        scaled = original(self, outputs)
        if isinstance(outputs, Tensor) and not is_compiling():
            observer.loss_scaled(scaled, outputs, self)
        return scaled

    return scale


def _compile(original: Any, observer: Observer, hooks: list[Any]) -> Any:
    @functools.wraps(original)
    def compile(*args: Any, **kwargs: Any) -> Any:
        observer.compiles()
        if hooks:
            keep_out_of_graphs(hooks)
            hooks.clear()
        return original(*args, **kwargs)

    return compile
