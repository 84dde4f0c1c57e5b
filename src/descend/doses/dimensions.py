"""Which dimension: of a softmax, of a new shape, of a difference's operands."""

from descend.doses.rate import Dose
from descend.record import Record, facts
from descend.symptoms import Symptom
from descend.symptoms.degenerate_normalisation import lone_place
from descend.symptoms.examples_mixed import LAYERS


def along_the_classes(record: Record, symptom: Symptom) -> Dose | None:
    """The dimension that the classes lie along, where log-probabilities have been taken along another one."""
    facts = record.fact("loss_input") or {}
    is_log = (facts.get("function"), facts.get("activation")) == ("nll_loss", "log_softmax")
    return {"activation": "log_softmax", "site": ("activation", "output"), "dim": 1} if is_log else None


def along_the_entries(record: Record, symptom: Symptom) -> Dose | None:
    """The one dimension besides the batch that has several entries, where a softmax is taken over a single one."""
    place = lone_place(record)
    fact = record.fact("lone_entry", place) or {}
    if not fact.get("is_softmax") or len(fact["dims"]) != 1:
        return None
    return {"activation": fact["function"], "site": ("lone_entry", place), "dim": fact["dims"][0]}


def lone_layer(record: Record, symptom: Symptom) -> Dose | None:
    """Which layer normalises a single entry."""
    place = lone_place(record)
    fact = record.fact("lone_entry", place) or {}
    return None if fact.get("is_softmax", True) else {"function": fact["function"], "place": place}


def loaders_apart(record: Record, symptom: Symptom) -> Dose | None:
    """Those of the two loaders that shuffle, where they are of equal length."""
    fact = record.fact("pairing") or {}
    keys = [*fact.get("inputs", ()), *fact.get("targets", ())]
    loaders = [record.fact(facts.Loader, key) for key in keys]
    sizes = {loader and (loader.examples, loader.batch_size) for loader in loaders}
    shuffling = [key for key, loader in zip(keys, loaders) if loader and loader.shuffles]
    return {"loaders": shuffling} if shuffling and len(sizes) == 1 else None


def of_the_difference(record: Record, symptom: Symptom) -> Dose | None:
    """Which side of the difference is the target."""
    found = (record.fact("connections") or {}).get("broadcast") or {}
    return {"operand": found.get("operand", "right")}


def time_first(record: Record, symptom: Symptom) -> Dose | None:
    """A layer that takes the first dimension for time, or the second, mixes the examples."""
    fact = record.fact("mixing") or {}
    by_layer = fact.get("by") in LAYERS
    return {"batch_first": not fact["batch_first"], "optimizer": symptom.optimizer} if by_layer else None


def cut_up(record: Record, symptom: Symptom) -> Dose | None:
    """A change of shape mixes the examples: the first two dimensions were to be exchanged."""
    fact = record.fact("mixing") or {}
    if fact.get("by") != "reshape":
        return None
    dropped = [f"squeeze({dim})" for dim in sorted(fact.get("single", ()), reverse=True)]
    return {"site": "mixing", "call": ".".join([*dropped, "transpose(0, 1)"])}


def within_the_example(record: Record, symptom: Symptom) -> Dose | None:
    """The dimension of an example's own entries, for a softmax that is taken along the batch."""
    fact = record.fact("mixing") or {}
    by_softmax = fact.get("by") == "softmax"
    return {"activation": "softmax", "site": ("mixing", "0"), "dim": fact["dim"]} if by_softmax else None


def exchange(record: Record, symptom: Symptom) -> Dose | None:
    """The exchange of dimensions that a change of shape pretends to."""
    fact = record.fact("exchanged", "0")
    if fact is None:
        return None
    order = list(fact["dims"])
    moved = [i for i, dim in enumerate(order) if dim != i]
    call = f"transpose({moved[0]}, {moved[1]})" if len(moved) == 2 else f"permute({', '.join(map(str, order))})"
    return {"site": "exchanged", "call": call}
