"""How wide each layer of a chain of linear ones is."""

from itertools import pairwise

from torch import nn

from descend.doctor.probes.loss_call import module_of
from descend.doctor.probes.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, facts

HIDDEN = 2  # layers: of fewer none is hidden


def widths(snapshot: Snapshot) -> Measurement:
    """Yield the fact `widths`: the layers' names, what the first one takes and what each gives, if they are a chain."""
    recording = snapshot.recordings()[0]
    called = [module_of(op) for op in recording.ops if op.name == "linear" and op.state.grad]
    layers = [module for module in dict.fromkeys(called) if isinstance(module, nn.Linear)]
    is_chain = all(a.out_features == b.in_features for a, b in pairwise(layers))
    if len(layers) < HIDDEN or len(layers) < len(set(called)) or not is_chain:
        return
    names = tuple(snapshot.modules(layer) for layer in layers)
    units = tuple(layer.out_features for layer in layers)
    yield Fact.of(facts.Widths(names, layers[0].in_features, units), snapshot.step)
    for layer, name in zip(layers, names):
        snapshot.note_site("linear", name, snapshot.made_at(layer), type(layer).__name__)
