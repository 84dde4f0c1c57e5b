"""Narrow layer: a hidden layer has too few units to pass on the differences between the inputs."""

from descend.doctor.course.progress import HARDLY_LEARNT, cost_left, loss_left_message
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Count

SOURCE = (
    "Johnson 2019, Theorem 1: networks whose layers are no wider than their input cannot enclose a region; "
    "Hanin & Sellke 2017"
)
NARROW = Count(4, "units", "chosen: wider layers mostly let pass what is needed, though the theorem has no such bound")


def narrow_layer(record: Record) -> Sign | None:
    """A hidden layer no wider than the input and of a few units, in a run that leaves much of the cost."""
    chain, narrow = record.fact(facts.Widths), narrow_layers(record)
    if chain is None or not narrow or not cost_left(record) > HARDLY_LEARNT:
        return None
    units, first = min(narrow.values()), next(iter(narrow))
    where = next((site for name in narrow if (site := record.site("linear", name)) is not None), None)
    layers = f"{len(narrow)} hidden layers have" if len(narrow) > 1 else f"the hidden layer {first} has"
    return Sign(
        certain=False,
        sentence=f"{layers} {units} {'unit' if units == 1 else 'units'}, for inputs of {chain.inputs} features: "
        f"the later layers lose the information that does not fit into it, and {loss_left_message(record)}",
        quantity="units of the narrowest hidden layer",
        value=float(units),
        bound=float(min(NARROW, chain.inputs)),
        source=SOURCE,
        where=where,
        module=first,
    )


def narrow_layers(record: Record) -> dict[str, int]:
    """Return the narrow hidden layers of a chain, with their units."""
    chain = record.fact(facts.Widths)
    if chain is None or chain.units[-1] == chain.inputs > NARROW:
        return {}  # an autoencoder: what is narrow is its code
    most = min(NARROW, chain.inputs)
    return {name: units for name, units in zip(chain.layers, chain.units[:-1]) if units <= most}
