"""Forward passes in training mode with gradients on: an evaluation's output is never differentiated.

A training step may use an output that it does not differentiate, too: a GAN's detached fakes, a teacher's predictions.
Such passes come with each step and have other inputs each time, or inputs that are trained on; an evaluation does not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NamedTuple

from torch import Tensor
from torch._C import _functorch

from descend.doctor.observing.fingerprint import fingerprint
from descend.doctor.observing.frames import CallSpan, Lines
from descend.doctor.record import facts
from descend.doctor.tape.nesting import leaves

MOST_PLACES = 64  # whose passes are followed
MOST_NUMBERS = 2**20  # of an input that is compared with others


class ComputedAsTrained(NamedTuple):
    """A call of the network in which a layer or a function computes as in training."""

    mode: facts.TrainingMode
    evaluated: CallSpan  # the network's call
    drawn: CallSpan | None  # the call of a function that gets no mode


@dataclass
class _Place:
    """The passes of one call, reached by the same lines."""

    seen: ComputedAsTrained
    first: int  # step
    last: int = -1
    steps: int = 0  # in which it was called
    inputs: set[str] = field(default_factory=set)  # fingerprints of the first two that differ
    is_differentiated: bool = False

    @property
    def comes_with_each_step(self) -> bool:
        """Whether it was called in several steps, and in no step between them it was not."""
        return self.steps > 1 and self.last - self.first == self.steps - 1


class ForwardPasses:
    """Follows the outputs of forward passes until a backward pass reaches them."""

    def __init__(self) -> None:
        self._places: dict[tuple[Lines, CallSpan | None], _Place] = {}

    def called(self, seen: ComputedAsTrained, lines: Lines, step: int, tensors: tuple[Tensor | None, Tensor]) -> None:
        """Take note of one call within a forward pass.

        lines: from where the network is called; tensors: the network's input and the call's output.
        """
        fed, output = tensors
        if not output.requires_grad or _functorch.is_functorch_wrapped_tensor(output):
            return
        place = self._places.get((lines, seen.drawn))
        if place is None:
            if len(self._places) == MOST_PLACES:
                return
            place = self._places[lines, seen.drawn] = _Place(seen, step)
        if place.is_differentiated:
            return
        if place.last != step:
            place.last, place.steps = step, place.steps + 1
            if len(place.inputs) < 2:
                place.inputs.add(_identity(fed))
        if output.grad_fn is not None:
            output.grad_fn.register_hook(_marking(place))

    def evaluations(self) -> Iterator[ComputedAsTrained]:
        """Yield each place whose outputs no backward pass has reached, if no training step can have used them."""
        trained = [place for place in self._places.values() if place.is_differentiated]
        known = {numbers for place in trained for numbers in place.inputs}
        for place in self._places.values():
            is_fixed = len(place.inputs) == 1 and "" not in place.inputs and known.isdisjoint(place.inputs)
            if not place.is_differentiated and (is_fixed or not place.comes_with_each_step):
                yield place.seen


def network_input(call: FrameType) -> Tensor | None:
    """Return the first tensor among a module's arguments; `call` is the frame of `nn.Module.__call__`."""
    given = [call.f_locals.get("args"), call.f_locals.get("kwargs")]
    return next((x for x in leaves(given) if isinstance(x, Tensor)), None)


def _identity(fed: Tensor | None) -> str:
    """Return what is the same for the same numbers; "" where that is not known."""
    return "" if fed is None or fed.numel() > MOST_NUMBERS else fingerprint([fed])


def _marking(place: _Place) -> Any:
    def reached(*gradients: Any) -> None:
        place.is_differentiated = True

    return reached
