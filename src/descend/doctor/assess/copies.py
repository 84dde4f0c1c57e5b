"""Copies of the trained network that a script evaluates, and modules that load their own weights."""

from descend.core.bound import Bound
from descend.doctor.record import Record, facts

FOLLOWS = Bound(
    0.5,
    "share of the network's change that the evaluated copy has followed",
    "arithmetic: at a constant speed of the weights, an exponential moving average with the horizon 1 / (1 − decay) = "
    "0.63 × the number of steps has followed one half of their change",
)

INITIAL = Bound(
    0.05,
    "share of the network's change that the evaluated copy has followed",
    "chosen: a tenth of the limit for a suspicion, so the copy practically has its initial weights",
)


def find_stale_copy(record: Record) -> tuple[list[str], facts.EvaluatedCopy] | None:
    """Return the calls of the evaluated copy that has followed its network least, and the copy; None without one.

    A copy that never changes is left out if the script evaluates the network as well: it may be a reference model.
    """
    found = {key: copy for key, copy in record.every(facts.EvaluatedCopy).items() if copy.followed < FOLLOWS}
    found = {key: copy for key, copy in found.items() if not (copy.is_network_called and copy.followed == 0)}
    if not found:
        return None
    first = min(found, key=lambda key: found[key].followed)
    number = first.partition(".")[0]
    return [key for key in found if key.partition(".")[0] == number], found[first]


def find_own_weights(record: Record) -> str:
    """Return the key of the first call by which a module loads its own weights; "" without one.

    Before the first step, such a call may be harmless unless another network with these tensors exists.
    """
    for place in record.every(facts.OwnWeightsLoaded):
        first = record.history(facts.OwnWeightsLoaded, place)[0]
        if first.step or first.fact.source:
            return place
    return ""
