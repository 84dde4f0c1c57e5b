"""Whether the network is a linear function of its inputs: layers without an activation in between act as one layer."""

from descend.core.operations import Trait, having
from descend.doctor.measure.loss_call import LossCall
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.vocabulary import RESHAPES

# These calls multiply by a weight, which must not depend on the inputs.
LAYERS = having(Trait.LINEAR_LAYER)
WEIGHTED = LAYERS | having(Trait.PRODUCT, Trait.QUOTIENT)
LINEAR = having(Trait.LINEAR)


def linear_layers(recording: Recording, call: LossCall) -> int:
    """Return the number of layers of a network that is linear up to its output activation; 0 for a nonlinear network.

    Calls that are not known to be linear count as nonlinear. A layer that is called at each time step counts once.
    """
    fed = recording.input_slot
    if fed is None:
        return 0
    prediction = call.activation.inputs[0] if call.activation is not None else call.prediction
    path = _calls_between(recording, fed, prediction)
    if not all(_is_linear(op, upstream) for op, upstream in path):
        return 0
    dependent = {fed, *(slot for op, _ in path for slot in (*op.outputs, *op.written))}
    return len({_weight_parameters(recording, op, dependent) for op, _ in path if op.name in LAYERS})


def _weight_parameters(recording: Recording, op: Op, dependent: set[int | None]) -> frozenset[int]:
    """Return the ids of the parameters that a layer's weight is computed from, to recognise repeated calls."""
    own = [slot for slot in op.inputs if slot not in dependent]
    made = {
        upstream
        for slot in own
        for upstream in ({slot} if slot in recording.parameters else recording.upstream_slots(slot))
    }
    return frozenset(made.intersection(recording.parameters) or own)


def _calls_between(recording: Recording, fed: int, prediction: int) -> list[tuple[Op, int]]:
    """Return the calls between inputs and prediction, and how many arguments of each depend on the inputs."""
    dependent, forward = {fed}, []
    for op in recording.ops:
        upstream = sum(slot in dependent for slot in op.inputs)
        if upstream:
            dependent.update(slot for slot in (*op.outputs, *op.written) if slot is not None)
            forward.append((op, upstream))
    needed, path = {prediction}, []
    for op, upstream in reversed(forward):
        if needed.intersection((*op.outputs, *op.written)):
            needed.update(op.inputs)
            path.append((op, upstream))
    return path


def _is_linear(op: Op, upstream: int) -> bool:
    """Return whether a call is linear in the arguments that depend on the network's inputs, given their number."""
    name = op.name
    return name in RESHAPES or name in LINEAR or (name in WEIGHTED and upstream == 1)
