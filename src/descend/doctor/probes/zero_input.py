"""Is a layer fed nothing but zeros? Then its weights can learn nothing: their gradient is that input times something.

pred = transformer(src, torch.zeros_like(target))      # where the decoder should read what came before
"""

from typing import Any

from torch import Tensor, nn

from descend.doctor.probes.feeding import run_watched
from descend.doctor.probes.loss_call import module_of
from descend.doctor.probes.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Op
from descend.doctor.tape.call import NONE

LAYERS = frozenset({"linear", "conv1d", "conv2d", "conv3d"})


def zero_input(snapshot: Snapshot) -> Measurement:
    """Yield the fact `zero_input` of each layer whose input is data, and 0 throughout, in all that is looked at."""
    zero: dict[int, tuple[nn.Module, bool]] = {}  # by id of the layer

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        layer = module_of(op) if op.name in LAYERS else None
        if layer is not None and args and isinstance(args[0], Tensor):
            is_zero = op.taints[0] == NONE and args[0].numel() > 0 and not bool(args[0].any())
            zero[id(layer)] = layer, is_zero and zero.get(id(layer), (layer, True))[1]

    for recording in snapshot.recordings():
        if (
            len([op for op in recording.ops if op.name in LAYERS and op.taints[:1] == (NONE,)]) > 1
        ):  # one layer at least is fed with what it is to read
            run_watched(recording, watch)
    for layer, is_zero in zero.values():
        if is_zero:
            name = snapshot.modules(layer)
            snapshot.note_site("zero_input", name, snapshot.made_at(layer), type(layer).__name__)
            yield Fact.of(facts.ZeroInput(type(layer).__name__), snapshot.step, name)
