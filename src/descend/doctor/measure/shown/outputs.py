"""A recorded loss as a function of the parameters, together with the network's outputs."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from descend.doctor.measure.loss_call import loss_call
from descend.doctor.measure.shown.points import HELD
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.nesting import leaves
from descend.landscape import CurvatureUnavailable, Judged, LossOfOutputs
from descend.landscape.loss import Theta


def with_outputs(recordings: Sequence[Recording], parameters: Theta, *, evaluation: bool) -> LossOfOutputs:
    """Return the loss of recordings together with the outputs. Raises `CurvatureUnavailable` without one loss call."""
    judged = [_outputs_and_loss(recording, parameters, evaluation) for recording in recordings]
    return LossOfOutputs.of(judged, HELD)


def _outputs_and_loss(recording: Recording, parameters: Theta, evaluation: bool) -> Judged:
    """Return the network's outputs and the loss in one recording as functions of the parameters."""
    call = loss_call(recording)
    if call is None:
        raise CurvatureUnavailable("the loss is not computed by one loss function of the network's outputs")
    slot_of = {id(tensor): slot for slot, tensor in recording.parameters.items()}
    slots = [slot_of.get(id(p)) for p in parameters]

    def evaluate(theta: Theta) -> tuple[Tensor, Tensor]:
        """Return the network's outputs and the loss at the parameters `theta`."""
        seen: list[Tensor] = []

        def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
            """Store the prediction that the loss call receives."""
            if op is call.op:
                tensors = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
                seen.append(tensors[op.inputs.index(call.prediction)])

        chosen = {slot: t for slot, t in zip(slots, theta) if slot is not None}
        cost = recording.run(chosen, evaluation=evaluation, watch=watch)
        return seen[0], cost

    return Judged(evaluate)
