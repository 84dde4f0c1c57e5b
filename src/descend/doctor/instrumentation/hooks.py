"""All hooks in the script's process except those for backward passes; each is removed when its context ends.

There is no hook on `Module.__call__`, because dynamo would trace it and change the training. Hooks do nothing when
dynamo traces them, so the steps of a compiled optimizer are not seen. A training step passes the backward wrapper, two
optimizer hooks and the loader's `__next__`: 10 µs in a lightly sampled step, 20 µs otherwise.
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

from descend.doctor.instrumentation.attribute_patching import patched_attribute
from descend.doctor.instrumentation.backward_wrappers import (
    HELPERS,
    wrap_autograd_backward,
    wrap_autograd_grad,
    wrap_tensor_backward,
)
from descend.doctor.instrumentation.compilation import COMPILED, exclude_from_graphs
from descend.doctor.instrumentation.frames import constructor_caller
from descend.doctor.instrumentation.functional_gradients import MAKER, wrap_grad_and_value
from descend.doctor.instrumentation.observer import Observer
from descend.doctor.instrumentation.optimizer_identity import wrap_optimizer_init

# Each hook is (object to patch, name of its attribute, function that makes the wrapper).
_Hooked = tuple[Any, str, Callable[[Any, Observer], Any]]


@contextmanager
def observing_constructors(observer: Observer) -> Iterator[None]:
    """Inside the `with` block, report to `observer` where modules and loaders are created and weights are loaded."""
    with ExitStack() as stack:
        _install(stack, observer, _constructor_hooks())
        yield


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Report the script's training events, such as steps, to `observer` inside the `with` block."""
    with ExitStack() as stack:
        begins, ends = _make_step_begin_hook(observer), _make_step_end_hook(observer)
        places: tuple[_Hooked, ...] = (
            *_constructor_hooks(),
            (Optimizer, "__init__", wrap_optimizer_init),
            (torch.autograd, "backward", wrap_autograd_backward),
            (Tensor, "backward", wrap_tensor_backward),
            (torch.autograd, "grad", wrap_autograd_grad),
            (*MAKER, wrap_grad_and_value),
            (dataloader._BaseDataLoaderIter, "__next__", _wrap_next),
            (torch.amp.GradScaler, "scale", _wrap_scale),
            (torch.amp.GradScaler, "step", _wrap_scaler_step),
        )
        hooks = [begins, ends, *HELPERS, *_install(stack, observer, places)]
        if not observer.owns_run:
            stack.enter_context(patched_attribute(torch, "compile", _wrap_compile(torch.compile, observer, hooks)))
        stack.callback(register_optimizer_step_pre_hook(begins).remove)
        stack.callback(register_optimizer_step_post_hook(ends).remove)
        yield


def _constructor_hooks() -> tuple[_Hooked, ...]:
    """Return the hooks that report new modules, new loaders and loaded weights."""
    return (
        (nn.Module, "__init__", _wrap_module_init),
        (dataloader.DataLoader, "__init__", _wrap_loader_init),
        (nn.Module, "load_state_dict", _wrap_load_state_dict),
    )


def _install(stack: ExitStack, observer: Observer, places: Iterable[_Hooked]) -> list[Any]:
    """Install the wrappers, which are removed when `stack` is closed; return the wrappers."""
    hooks = []
    for owner, name, make in places:
        hooks.append(make(getattr(owner, name), observer))
        stack.enter_context(patched_attribute(owner, name, hooks[-1]))
    return hooks


def _make_step_begin_hook(observer: Observer) -> Any:
    """Return the hook that runs before each optimizer step."""
    light_sampling, scaled = observer.light_sampling, observer.scaled_losses

    def step_begins(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """Report that an optimizer step begins, unless only the losses of steps are read now."""
        if is_compiling():
            return
        scaled.has_stepped = True
        if not light_sampling.is_on or len(args) > 1 or kwargs:  # Steps with a closure are read in full.
            observer.step_begins(optimizer, sys._getframe(1))

    return step_begins


def _make_step_end_hook(observer: Observer) -> Any:
    """Return the hook that runs after each optimizer step."""
    light_sampling = observer.light_sampling

    def step_ends(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """Report that an optimizer step has ended, unless only the losses of steps are read now."""
        if is_compiling():
            return
        if not (light_sampling.is_on and light_sampling.read_step(optimizer)):
            observer.step_ended(optimizer, sys._getframe(1))

    return step_ends


def _wrap_module_init(original: Any, observer: Observer) -> Any:
    """Return a wrapper of `Module.__init__` that reports each new module."""

    @functools.wraps(original)
    def __init__(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if not is_compiling():
            observer.module_made(self, sys._getframe(1))

    return __init__


def _wrap_loader_init(original: Any, observer: Observer) -> Any:
    """Return a wrapper of `DataLoader.__init__` that reports each new loader."""

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        observer.loader_made(self, constructor_caller(sys._getframe(1), self))

    return __init__


def _wrap_load_state_dict(original: Any, observer: Observer) -> Any:
    """Return a wrapper of `Module.load_state_dict` that reports which weights were loaded."""

    @functools.wraps(original)
    def load_state_dict(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        """Load the weights and report which were loaded."""
        outcome = original(self, *args, **kwargs)
        given = args[0] if args else kwargs.get("state_dict")
        observer.checkpoints.weights_loaded(self, given, outcome, sys._getframe(1))
        return outcome

    return load_state_dict


def _wrap_next(original: Any, observer: Observer) -> Any:
    """Return a wrapper of a loader iterator's `__next__` that pauses the recording of torch calls."""

    @functools.wraps(original)
    def __next__(self: Any) -> Any:
        if not observer.probe_runner.tape.is_recording:
            return original(self)
        observer.batch_begins()
        batch = None
        try:
            batch = original(self)
        finally:
            observer.batch_ended(self, batch)
        return batch

    return __next__


def _wrap_scale(original: Any, observer: Observer) -> Any:
    """Return a wrapper of `GradScaler.scale` that reports each scaled loss."""

    @functools.wraps(original)
    def scale(self: Any, outputs: Any) -> Any:
        """Scale the loss, and report the original and the scaled loss."""
        scaled = original(self, outputs)
        if isinstance(outputs, Tensor) and not is_compiling():
            observer.loss_scaled(scaled, outputs, self)
        return scaled

    return scale


def _wrap_scaler_step(original: Any, observer: Observer) -> Any:
    """Return a wrapper of `GradScaler.step` that reports a step even if the scaler skips it."""

    @functools.wraps(original)
    def step(self: Any, optimizer: Optimizer, *args: Any, **kwargs: Any) -> Any:
        """Call `GradScaler.step`, and report the optimizer's step if the scaler skipped it."""
        observer.scaled_losses.has_stepped = False
        result = original(self, optimizer, *args, **kwargs)
        # If scaled gradients overflow, the optimizer does not step, but the script's loop counts a step.
        if not observer.scaled_losses.has_stepped:
            observer.step_begins(optimizer, sys._getframe(1))
            observer.step_ended(optimizer, sys._getframe(1))
        return result

    return step


def _wrap_compile(original: Any, observer: Observer, hooks: list[Any]) -> Any:
    """Return a wrapper of `torch.compile` that ends our recording and excludes our hooks from compiled graphs."""

    @functools.wraps(original)
    def compile(*args: Any, **kwargs: Any) -> Any:
        """Stop recording, exclude our hooks from compiled graphs, and compile."""
        observer.probe_runner.tape.block(COMPILED)
        if hooks:
            exclude_from_graphs(hooks)
            hooks.clear()
        return original(*args, **kwargs)

    return compile
