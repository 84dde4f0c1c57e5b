"""A minimal observer for baseline runs: it counts optimizer steps, so that a run can be stopped and compared.

Steps are also timed in a group of processes, or if the plan requests it.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.compiler import is_compiling
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

from descend.doctor.instrumentation.attribute_patching import patched_attribute
from descend.doctor.instrumentation.backward_wrappers import differentiated_scalar
from descend.doctor.instrumentation.fingerprints import fingerprint
from descend.doctor.instrumentation.frames import SourceTree
from descend.doctor.instrumentation.functional_gradients import MAKER, tensors_to_differentiate
from descend.doctor.instrumentation.internal_errors import EventHandler, never_raises
from descend.doctor.instrumentation.optimizer_identity import OptimizerIdentities, wrap_optimizer_init
from descend.doctor.instrumentation.steps.attribution import Stepper
from descend.doctor.instrumentation.steps.step_times import StepTimes
from descend.doctor.tape import leaf_parameters


class StepCounter(EventHandler):
    """Counts the script's optimizer steps and computes a fingerprint of its weights, without other measurements.

    `stage`: number of the optimizer, from 0, whose steps are counted. `stage_begins` is called when that optimizer is
    made, `stage_over` when another optimizer is made after it has stepped.
    """

    def __init__(self, tree: SourceTree) -> None:
        self.tree, self.stage = tree, 0
        self.after_step: Callable[[int], None] = lambda steps: None
        self.stage_begins: Callable[[Optimizer, FrameType | None], None] = lambda optimizer, frame: None
        self.stage_over: Callable[[], None] = lambda: None
        self.began: float | None = None  # clock time when the first step ended
        self.times: StepTimes | None = None  # None if the steps are not timed

        self._steppers: dict[str, Stepper] = {}
        self._identities = OptimizerIdentities(self._steppers, owns_run=True)
        self._leaves: tuple[Tensor, ...] = ()  # leaf tensors of the last loss

    @property
    def steps(self) -> int:
        """Return the number of steps of the optimizer that has stepped most."""
        return max((stepper.steps for stepper in self._steppers.values()), default=0)

    @never_raises
    def optimizer_made(self, optimizer: Optimizer, frame: FrameType | None) -> None:
        """Register a new optimizer. Its creation may begin or end the stage of the training that is counted."""
        if self._identities.find(optimizer) is not None:
            return
        stepper, is_new = self._identities.register(optimizer, self.tree.lines(frame))
        if self.stage and int(stepper.key) == self.stage:
            self.stage = 0
            self._steppers.clear()
            self._identities = OptimizerIdentities(self._steppers, owns_run=True)
            self._identities.register(optimizer, self.tree.lines(frame))
            self.stage_begins(optimizer, frame)
        elif not self.stage and is_new and self.steps:
            self.stage_over()

    def step_ended(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """Count a step of an optimizer."""
        stepper = self._identities.find(optimizer) or self._identities.register(optimizer, ())[0]
        stepper.steps += 1
        if self.times is not None and any(p.grad is not None for p in stepper.parameters()):
            self.times.step_ended(self.steps)  # The time of a step without gradients is added to the next step's.
        if not self.stage:
            self.began = self.began or time.perf_counter()
            self.after_step(self.steps)

    @never_raises
    def backward_begins(self, root: Any) -> None:
        """Store the leaf tensors of the loss, because a script without an optimizer trains them."""
        if self.times is not None:
            self.times.backward_begins()
        if not self.steps and isinstance(root, Tensor):
            self._leaves = tuple(leaf_parameters(root))

    @never_raises
    def gradient_taken(self, inputs: Iterable[Tensor]) -> None:
        """Store the inputs of `torch.autograd.grad`, because a script without an optimizer trains them."""
        if not self.steps:
            self._leaves = tuple(inputs)

    def finish(self, *, measuring: bool) -> None:
        """Send the step times that have not been sent yet."""
        if self.times is not None:
            self.times.flush()

    def weights(self) -> str:
        """Return a fingerprint of the parameters that an optimizer or the script itself has trained."""
        held = [p for stepper in self._steppers.values() if stepper.steps for p in stepper.parameters()]
        return fingerprint(held or self._leaves)


@contextmanager
def counting_steps(step_counter: StepCounter) -> Iterator[None]:
    """Report the script's optimizer steps and backward passes to `step_counter` inside the `with` block."""
    original, grad, function_grad = torch.autograd.backward, torch.autograd.grad, getattr(*MAKER)

    def backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
        """Report the loss to `step_counter`, and run the backward pass."""
        if not is_compiling():
            step_counter.backward_begins(tensors)
        original(tensors, *args, **kwargs)  # Tensor.backward calls this replacement, too.

    def gradient(outputs: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute a gradient, and report the tensors with respect to which it is computed."""
        wanted = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        found = grad(outputs, wanted, *args, **kwargs)
        if not is_compiling() and differentiated_scalar(outputs, wanted, args, kwargs) is not None:
            step_counter.gradient_taken(wanted)
        return found

    def function_gradient(func: Any, argnums: Any, has_aux: bool, args: Any, kwargs: Any) -> Any:
        """Compute a gradient for `torch.func.grad`, and report the tensors with respect to which it is computed."""
        found = function_grad(func, argnums, has_aux, args, kwargs)
        if not is_compiling():
            step_counter.gradient_taken(dict(tensors_to_differentiate(args, argnums)).values())
        return found

    hook = register_optimizer_step_post_hook(step_counter.step_ended)
    try:
        made = wrap_optimizer_init(Optimizer.__init__, step_counter)
        with (
            patched_attribute(torch.autograd, "backward", backward),
            patched_attribute(torch.autograd, "grad", gradient),
            patched_attribute(*MAKER, function_gradient),
            patched_attribute(Optimizer, "__init__", made),
        ):
            yield
    finally:
        hook.remove()
