"""Is the network a linear function of its inputs? Layers without a nonlinearity between them are one layer."""

from descend.doctor.probes.loss_call import LossCall
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.vocabulary import RESHAPES

# By a weight that does not depend on the inputs.
PRODUCTS = frozenset(
    "linear bilinear addmm matmul mm bmm __matmul__ __rmatmul__ mv conv1d conv2d conv3d conv_transpose1d "
    "conv_transpose2d conv_transpose3d mul __mul__ __rmul__ multiply div __truediv__ true_divide".split()
)
LAYERS = PRODUCTS - frozenset("mul __mul__ __rmul__ multiply div __truediv__ true_divide".split())
SUMS = frozenset(
    "add __add__ __radd__ add_ sub __sub__ rsub __rsub__ neg __neg__ sum mean cat stack chunk split batch_norm "
    "avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d dropout dropout_ feature_dropout "
    "alpha_dropout flatten unflatten detach select narrow".split()
)


def linear_layers(recording: Recording, call: LossCall) -> int:
    """Return how many layers the prediction is made by, its own activation aside; 0 if it is not linear in the inputs.

    What cannot be told to be linear counts as nonlinear. A layer that is called at every element of a sequence is one.
    """
    fed = recording.input_slot
    if fed is None:
        return 0
    prediction = call.activation.inputs[0] if call.activation is not None else call.prediction
    way = _way(recording, fed, prediction)
    if not all(_is_linear(op, behind) for op, behind in way):
        return 0
    dependent = {fed, *(slot for op, _ in way for slot in (*op.outputs, *op.written))}
    return len({_weights(recording, op, dependent) for op, _ in way if op.name in LAYERS})


def _weights(recording: Recording, op: Op, dependent: set[int | None]) -> frozenset[int]:
    """Return the parameters that a layer's weights are made of: its calls at other places have the same ones."""
    own = [slot for slot in op.inputs if slot not in dependent]
    made = {behind for slot in own for behind in ({slot} if slot in recording.parameters else recording.behind(slot))}
    return frozenset(made.intersection(recording.parameters) or own)


def _way(recording: Recording, fed: int, prediction: int) -> list[tuple[Op, int]]:
    """Return the calls from the inputs to the prediction, each with how many of its arguments depend on the inputs."""
    dependent, forward = {fed}, []
    for op in recording.ops:
        behind = sum(slot in dependent for slot in op.inputs)
        if behind:
            dependent.update(slot for slot in (*op.outputs, *op.written) if slot is not None)
            forward.append((op, behind))
    needed, way = {prediction}, []
    for op, behind in reversed(forward):
        if needed.intersection((*op.outputs, *op.written)):
            needed.update(op.inputs)
            way.append((op, behind))
    return way


def _is_linear(op: Op, behind: int) -> bool:
    name = op.name
    return name in RESHAPES or name in SUMS or (name in PRODUCTS and behind == 1)
