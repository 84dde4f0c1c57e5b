"""Which units a tensor is about: the layer whose weights made it, and the dimension that its units lie along."""

from dataclasses import dataclass

from torch import Tensor

from descend.doctor.tape import Op, Recording

# Calls that leave every unit where it is; behind them stands the layer whose units they are.
_KEEPS_UNITS = frozenset(
    "batch_norm instance_norm group_norm layer_norm rms_norm dropout dropout1d dropout2d dropout3d alpha_dropout "
    "add add_ sub mul mul_ div clone contiguous float double half bfloat16 to type max_pool1d max_pool2d max_pool3d "
    "avg_pool1d avg_pool2d avg_pool3d".split()
)
_CHANNELS_SECOND = frozenset({"batch_norm", "instance_norm", "group_norm"})
_FEATURES_LAST = frozenset("linear matmul mm addmm bmm baddbmm __matmul__ __rmatmul__ layer_norm rms_norm".split())


@dataclass(frozen=True)
class Layer:
    """The call that made some units, and the parameter that it made them with."""

    op: Op
    weight: Tensor  # the script's own parameter


def layer_behind(recording: Recording, op: Op) -> Layer | None:
    """Return the layer whose units `op` is applied to; None where other calls stand between."""
    before = recording.ops[: recording.ops.index(op)]
    slot = op.inputs[0] if op.inputs else -1
    for earlier in reversed(before):
        if slot not in earlier.outputs:
            continue
        if earlier.name not in _KEEPS_UNITS:
            weights = [recording.parameters[s] for s in earlier.inputs if s in recording.parameters]
            matrices = [weight for weight in weights if weight.ndim > 1]
            return Layer(earlier, matrices[0]) if matrices else None
        slot = earlier.inputs[0]
    return None


def unit_dim(name: str, ndim: int) -> int:
    """Return the dimension of what the call `name` takes or gives that its units lie along."""
    if name.startswith("conv") and name[-1] == "d":
        return max(0, ndim - 1 - int(name[-2]))  # conv2d, conv_transpose2d: (N, C, H, W) or (C, H, W)
    if name in _FEATURES_LAST:
        return max(0, ndim - 1)
    if name in _CHANNELS_SECOND or ndim in (2, 4, 5):
        return 1
    return max(0, ndim - 1)


def units_first(values: Tensor, dim: int) -> Tensor:
    """Return `values` as (units, everything else)."""
    if values.ndim == 0:
        return values.reshape(1, 1)
    return values.movedim(dim, 0).reshape(values.shape[dim], -1)
