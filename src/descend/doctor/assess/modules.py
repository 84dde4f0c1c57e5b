"""Facts about the network's modules and loss terms that both problems and remedies need."""

from descend.core.bound import Bound, Count
from descend.doctor.record import Record, facts

NARROW = Count(
    4,
    "units of a hidden layer",
    "chosen: wider layers usually keep the information that is needed, although theory gives no such limit",
)
USUAL_STATISTICS_MOMENTUM = Bound(
    0.1, "weight of a new batch in the running statistics", "the default of torch.nn.BatchNorm1d"
)


def narrow_layers(record: Record) -> dict[str, int]:
    """Map the names of a feed-forward network's narrow hidden layers to their numbers of units."""
    chain = record.fact(facts.Widths)
    if chain is None or chain.units[-1] == chain.inputs > NARROW:
        return {}  # An autoencoder has a narrow layer on purpose.
    most = min(NARROW, chain.inputs)
    return {name: units for name, units in zip(chain.layers, chain.units[:-1]) if units <= most}


def find_incomplete_load(record: Record) -> str:
    """Return the name of a call of `load_state_dict` that left weights unchanged; "" without such a call.

    A call that a different prefix of the names would fix comes first.
    """
    last = {place: record.history(facts.PartlyLoaded, place)[-1] for place in record.every(facts.PartlyLoaded)}
    left = [place for place, load in last.items() if load.fact.missing and not load.step]
    return next((place for place in left if last[place].fact.prefix is not None), next(iter(left), ""))


def find_replaced_parameters(record: Record) -> tuple[str, tuple[str, ...]] | None:
    """Return the first optimizer with parameters that the model no longer has, and the names of the new parameters."""
    found = {key: wiring.replaced for key, wiring in record.every(facts.Wiring).items() if wiring.replaced}
    return next(iter(found.items()), None)


def excess_weight(term: facts.MixedReductions) -> int:
    """Return how many times larger a loss term is because it is summed instead of averaged."""
    return term.examples if term.over_batch else term.values // term.own
