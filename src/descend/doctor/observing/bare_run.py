"""The nearest to plain python that can still be stopped and compared: a count of the optimizer's steps, no more.

In a group of processes, and where the plan asks for it, the steps are timed, too.
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

from descend.doctor.observing.backward import stepped_on
from descend.doctor.observing.fingerprint import fingerprint
from descend.doctor.observing.frames import SourceTree
from descend.doctor.observing.functional import MAKER, chosen
from descend.doctor.observing.guard import harmless
from descend.doctor.observing.optimizer_identity import OptimizerIdentities, optimizer_init
from descend.doctor.observing.replacing import replaced
from descend.doctor.reading.attribution import Stepper
from descend.doctor.reading.step_times import StepTimes
from descend.doctor.tape import leaf_parameters


class BareRun:
    """Counts steps and fingerprints the weights; it looks at nothing else.

    `stage` is the optimizer, from 0, before which nothing counts; `stage_begins` is called where that one is made,
    `stage_over` where another one is made after it has stepped.
    """

    def __init__(self, tree: SourceTree) -> None:
        self.tree, self.stage = tree, 0
        self.after_step: Callable[[int], None] = lambda steps: None
        self.stage_begins: Callable[[Optimizer, FrameType | None], None] = lambda optimizer, frame: None
        self.stage_over: Callable[[], None] = lambda: None
        self.began: float | None = None  # when the first step ended
        self.times: StepTimes | None = None  # None: the steps are not timed
        self.inert = False
        self._steppers: dict[str, Stepper] = {}
        self._identities = OptimizerIdentities(self._steppers, owning=True)
        self._leaves: tuple[Tensor, ...] = ()  # of the last backward pass of a script that has no optimizer

    @property
    def steps(self) -> int:
        """Steps of the optimizer that has stepped most."""
        return max((stepper.steps for stepper in self._steppers.values()), default=0)

    @harmless
    def optimizer_made(self, optimizer: Optimizer, frame: FrameType | None) -> None:
        """Tell it from those that were made before, as the observer does."""
        if self._identities.find(optimizer) is not None:
            return
        stepper, is_new = self._identities.take(optimizer, self.tree.lines(frame))
        if self.stage and int(stepper.key) == self.stage:
            self.stage = 0
            self._steppers.clear()
            self._identities = OptimizerIdentities(self._steppers, owning=True)
            self._identities.take(optimizer, self.tree.lines(frame))
            self.stage_begins(optimizer, frame)
        elif not self.stage and is_new and self.steps:
            self.stage_over()

    def step_ended(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """Count a step."""
        stepper = self._identities.find(optimizer) or self._identities.take(optimizer, ())[0]
        stepper.steps += 1
        if self.times is not None and any(p.grad is not None for p in stepper.parameters()):
            self.times.step(self.steps)  # else nothing was stepped on, and the next step has taken this time, too
        if not self.stage:
            self.began = self.began or time.perf_counter()
            self.after_step(self.steps)

    def stumbled(self, error: Exception) -> None:
        """A mistake here costs the comparison and nothing else."""

    @harmless
    def backward_begins(self, root: Any) -> None:
        """Remember which parameters a script without an optimizer trains."""
        if self.times is not None:
            self.times.backward()
        if not self.steps and isinstance(root, Tensor):
            self._leaves = tuple(leaf_parameters(root))

    @harmless
    def gradient_taken(self, inputs: Iterable[Tensor]) -> None:
        """Remember by what a script without an optimizer has taken a gradient that it was given back."""
        if not self.steps:
            self._leaves = tuple(inputs)

    def finish(self, *, measuring: bool) -> None:
        """Send the last step times: there is nothing to measure."""
        if self.times is not None:
            self.times.flush()

    def weights(self) -> str:
        """Return the fingerprint of every parameter that an optimizer has stepped on, or the script itself has."""
        held = [p for stepper in self._steppers.values() if stepper.steps for p in stepper.parameters()]
        return fingerprint(held or self._leaves)


@contextmanager
def counting(bare_run: BareRun) -> Iterator[None]:
    """Let `bare_run` count the script's steps for as long as the context lasts."""
    original, grad, function_grad = torch.autograd.backward, torch.autograd.grad, getattr(*MAKER)

    def backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
        if not is_compiling():
            bare_run.backward_begins(tensors)
        original(tensors, *args, **kwargs)  # Tensor.backward calls it

    def gradient(outputs: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        wanted = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        found = grad(outputs, wanted, *args, **kwargs)
        if not is_compiling() and stepped_on(outputs, wanted, args, kwargs) is not None:
            bare_run.gradient_taken(wanted)
        return found

    def function_gradient(func: Any, argnums: Any, has_aux: bool, args: Any, kwargs: Any) -> Any:
        found = function_grad(func, argnums, has_aux, args, kwargs)
        if not is_compiling():
            bare_run.gradient_taken(dict(chosen(args, argnums)).values())
        return found

    hook = register_optimizer_step_post_hook(bare_run.step_ended)
    try:
        made = optimizer_init(Optimizer.__init__, bare_run)
        with (
            replaced(torch.autograd, "backward", backward),
            replaced(torch.autograd, "grad", gradient),
            replaced(*MAKER, function_gradient),
            replaced(Optimizer, "__init__", made),
        ):
            yield
    finally:
        hook.remove()
