"""The layer whose weights computed a tensor's units, and the dimension along which the units are."""

from dataclasses import dataclass

from torch import Tensor

from descend.core.operations import Trait, having
from descend.doctor.tape import Op, Recording

# These calls keep the order of the units, so the layer that computed the units is upstream of the calls.
_KEEPS_UNITS = having(Trait.KEEPS_UNITS)
_CHANNELS_SECOND = having(Trait.NORMALISES_CHANNELS, Trait.NORMALISES_GROUPS)
_FEATURES_LAST = having(Trait.FEATURES_LAST)


@dataclass(frozen=True)
class Layer:
    """The call that computed some units, and the weight that the call used."""

    op: Op
    weight: Tensor  # the script's parameter


def layer_of_units(recording: Recording, op: Op) -> Layer | None:
    """Return the layer that computed the units in the input of `op`; None if a call in between may mix them."""
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
    """Return the dimension of the units (channels or features) in a tensor that the named function takes or returns."""
    if name.startswith("conv") and name[-1] == "d":
        return max(0, ndim - 1 - int(name[-2]))  # conv2d, conv_transpose2d: (N, C, H, W) or (C, H, W)
    if name in _FEATURES_LAST:
        return max(0, ndim - 1)
    if name in _CHANNELS_SECOND or ndim in (2, 4, 5):
        return 1
    return max(0, ndim - 1)


def units_first(values: Tensor, dim: int) -> Tensor:
    """Return `values` in the shape ``(units, everything else)``; `dim` is the dimension of the units."""
    if values.ndim == 0:
        return values.reshape(1, 1)
    return values.movedim(dim, 0).reshape(values.shape[dim], -1)
