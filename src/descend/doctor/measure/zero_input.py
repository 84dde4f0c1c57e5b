"""Whether a layer's input is always zero, so that the gradient of its weights is zero too.

pred = transformer(src, torch.zeros_like(target))      # The decoder should receive the earlier targets.
"""

from typing import Any

from torch import Tensor, nn

from descend.core.operations import Trait, having
from descend.doctor.measure.loss_call import module_of
from descend.doctor.measure.replay import run_without_graph
from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.tape import Op
from descend.doctor.tape.call import NONE

LAYERS = having(Trait.CONVOLUTION) | {"linear"}


def zero_input(snapshot: Snapshot) -> Measurement:
    """Yield each layer whose input is data, not hidden units, and is zero in all recordings."""
    zero: dict[int, tuple[nn.Module, bool]] = {}  # id of a layer -> the layer, and whether its input is always zero

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store whether a layer's input is data and zero."""
        layer = module_of(op) if op.name in LAYERS else None
        if layer is not None and args and isinstance(args[0], Tensor):
            is_zero = op.dependences[0] == NONE and args[0].numel() > 0 and not bool(args[0].any())
            zero[id(layer)] = layer, is_zero and zero.get(id(layer), (layer, True))[1]

    for recording in snapshot.recordings():
        # Another layer must also receive data: a network whose only input is zero may get zeros on purpose.
        if len([op for op in recording.ops if op.name in LAYERS and op.dependences[:1] == (NONE,)]) > 1:
            run_without_graph(recording, watch)
    for layer, is_zero in zero.values():
        if is_zero:
            name = snapshot.modules(layer)
            snapshot.note_site(SiteKind.ZERO_INPUT, name, snapshot.made_at(layer), type(layer).__name__)
            yield Fact.of(facts.ZeroInput(type(layer).__name__), snapshot.step, name)
