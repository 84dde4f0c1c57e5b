"""Find evaluations among the forward passes in training mode with gradients on: they are never differentiated.

A training step may also leave an output undifferentiated: a GAN's detached samples, or a teacher's predictions. Such
passes come with each step and have new inputs each time, or inputs that are also trained on; evaluations do not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NamedTuple

from torch import Tensor
from torch._C import _functorch

from descend.doctor.instrumentation.fingerprints import fingerprint
from descend.doctor.instrumentation.frames import CallSpan, Lines
from descend.doctor.record import facts
from descend.doctor.tape.nesting import leaves

MOST_PLACES = 64  # Forward passes of at most this many places in the source are observed.
MOST_NUMBERS = 2**20  # Inputs with more elements are not compared with other inputs.


class ComputedAsTrained(NamedTuple):
    """A call of the network in which a layer or function is in training mode."""

    mode: facts.TrainingMode
    evaluated: CallSpan  # place in the source that calls the network
    drawn: CallSpan | None  # place of a call without `training=`, such as F.dropout(x)


@dataclass
class _Place:
    """What is known about the forward passes that one place in the source makes."""

    seen: ComputedAsTrained
    first: int  # first training step with a forward pass at this place
    last: int = -1
    steps: int = 0  # number of training steps with a forward pass at this place
    inputs: set[str] = field(default_factory=set)  # fingerprints of at most two different inputs
    is_differentiated: bool = False

    @property
    def is_in_each_step(self) -> bool:
        """Return whether this place makes a forward pass in each of several consecutive training steps."""
        return self.steps > 1 and self.last - self.first == self.steps - 1


class ForwardPasses:
    """Finds out which forward passes in training mode are never followed by a backward pass."""

    def __init__(self) -> None:
        self._places: dict[tuple[Lines, CallSpan | None], _Place] = {}

    def add_call(self, seen: ComputedAsTrained, lines: Lines, step: int, tensors: tuple[Tensor | None, Tensor]) -> None:
        """Record a call of a layer or function in training mode, within a forward pass.

        lines: the lines that call the network; tensors: the network's input and the call's output.
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
                place.inputs.add(_input_fingerprint(fed))
        if output.grad_fn is not None:
            output.grad_fn.register_hook(_differentiation_hook(place))

    def evaluations(self) -> Iterator[ComputedAsTrained]:
        """Yield a call from each place whose outputs were never differentiated and that is in no training step."""
        trained = [place for place in self._places.values() if place.is_differentiated]
        known = {numbers for place in trained for numbers in place.inputs}
        for place in self._places.values():
            is_fixed = len(place.inputs) == 1 and "" not in place.inputs and known.isdisjoint(place.inputs)
            if not place.is_differentiated and (is_fixed or not place.is_in_each_step):
                yield place.seen


def network_input(call: FrameType) -> Tensor | None:
    """Return the first tensor among a module's arguments; `call` is the frame of the module's `__call__`."""
    given = [call.f_locals.get("args"), call.f_locals.get("kwargs")]
    return next((x for x in leaves(given) if isinstance(x, Tensor)), None)


def _input_fingerprint(fed: Tensor | None) -> str:
    """Return the fingerprint of a network's input; "" if there is no input or it is too large."""
    return "" if fed is None or fed.numel() > MOST_NUMBERS else fingerprint([fed])


def _differentiation_hook(place: _Place) -> Any:
    """Return a gradient hook that records that a backward pass has reached an output of this place."""

    def mark_differentiated(*gradients: Any) -> None:
        """Record that a backward pass has reached an output of this place."""
        place.is_differentiated = True

    return mark_differentiated
