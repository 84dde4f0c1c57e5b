"""Every place where we stand in the script's way, and undone on leaving; backward passes are in `backward`.

No hook on `Module.__call__`: dynamo would trace it and the trajectory would change. Where dynamo traces one of these,
it does nothing: a compiled optimizer's steps are not seen. A training step passes through the backward wrapper, the
two optimizer hooks and the loader's `__next__`: ten microseconds where it is a plain one, twenty where it is not.
"""

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.compiler import is_compiling
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.data import dataloader

from descend.doctor.observing.backward import CALLED, autograd_grad, backward, tensor_backward
from descend.doctor.observing.compilation import COMPILED, keep_out_of_graphs
from descend.doctor.observing.frames import constructor_caller
from descend.doctor.observing.functional import MAKER, grad_and_value
from descend.doctor.observing.observer import Observer
from descend.doctor.observing.optimizer_identity import optimizer_init
from descend.doctor.observing.replacing import replaced

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
            (torch.autograd, "backward", backward),
            (Tensor, "backward", tensor_backward),
            (torch.autograd, "grad", autograd_grad),
            (*MAKER, grad_and_value),
            (dataloader._BaseDataLoaderIter, "__next__", _next_batch),
            (torch.amp.GradScaler, "scale", _scale),
            (torch.amp.GradScaler, "step", _step_scaled),
        )
        hooks = [begins, ends, *CALLED, *_report(stack, observer, places)]
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
    light_sampling, scaled = observer.light_sampling, observer.scaled

    def step_begins(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if is_compiling():
            return
        scaled.stepped = True
        if not light_sampling.on or len(args) > 1 or kwargs:  # a closure
            observer.step_begins(optimizer, sys._getframe(1))

    return step_begins


def _step_ends(observer: Observer) -> Any:
    light_sampling = observer.light_sampling

    def step_ends(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if is_compiling():
            return
        if not (light_sampling.on and light_sampling.steps(optimizer)):
            observer.step_ended(optimizer, sys._getframe(1))

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


def _step_scaled(original: Any, observer: Observer) -> Any:
    @functools.wraps(original)
    def step(self: Any, optimizer: Optimizer, *args: Any, **kwargs: Any) -> Any:
        observer.scaled.stepped = False
        result = original(self, optimizer, *args, **kwargs)
        if not observer.scaled.stepped:  # the scaled gradients overflowed: the loop goes on, and so does its budget
            observer.step_begins(optimizer, sys._getframe(1))
            observer.step_ended(optimizer, sys._getframe(1))
        return result

    return step


def _compile(original: Any, observer: Observer, hooks: list[Any]) -> Any:
    @functools.wraps(original)
    def compile(*args: Any, **kwargs: Any) -> Any:
        observer.examiner.tape.block(COMPILED)
        if hooks:
            keep_out_of_graphs(hooks)
            hooks.clear()
        return original(*args, **kwargs)

    return compile
