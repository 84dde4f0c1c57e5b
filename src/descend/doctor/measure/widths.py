"""The width of each layer in a chain of linear layers."""

from itertools import pairwise

from torch import nn

from descend.doctor.measure.loss_call import module_of
from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, SiteKind, facts

HIDDEN = 2  # A network with fewer layers than this does not have a hidden layer.


def widths(snapshot: Snapshot) -> Measurement:
    """Yield the names and the sizes of all layers, if the network is a chain of linear layers."""
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
        snapshot.note_site(SiteKind.LINEAR, name, snapshot.made_at(layer), type(layer).__name__)
