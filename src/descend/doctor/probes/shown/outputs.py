"""A recorded cost with the network's outputs that it judges."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from descend.doctor.probes.loss_call import loss_call
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.nesting import leaves
from descend.landscape import CurvatureUnavailable, Judged, LossOfOutputs
from descend.landscape.loss import Theta


def with_outputs(recordings: Sequence[Recording], parameters: Theta, *, evaluation: bool) -> LossOfOutputs:
    """Return the cost of some recordings, with their outputs. Raises `CurvatureUnavailable` without one loss call."""
    return LossOfOutputs.of([_judged(recording, parameters, evaluation) for recording in recordings])


def _judged(recording: Recording, parameters: Theta, evaluation: bool) -> Judged:
    call = loss_call(recording)
    if call is None:
        raise CurvatureUnavailable("the cost is not made by one loss function of the network's outputs")
    slot_of = {id(tensor): slot for slot, tensor in recording.parameters.items()}
    slots = [slot_of.get(id(p)) for p in parameters]

    def evaluate(theta: Theta) -> tuple[Tensor, Tensor]:
        seen: list[Tensor] = []

        def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
            if op is call.op:
                tensors = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
                seen.append(tensors[op.inputs.index(call.prediction)])

        chosen = {slot: t for slot, t in zip(slots, theta) if slot is not None}
        cost = recording.run(chosen, evaluation=evaluation, watch=watch)
        return seen[0], cost

    return Judged(evaluate)
