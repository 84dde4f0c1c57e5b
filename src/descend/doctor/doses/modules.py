"""What the network's modules are given: other names of weights, another momentum, more units."""

from descend.doctor.doses.rate import Dose
from descend.doctor.record import Record, facts
from descend.doctor.symptoms import Symptom
from descend.doctor.symptoms.lagging_statistics import USUAL
from descend.doctor.symptoms.narrow_layer import narrow_layers
from descend.doctor.symptoms.weights_not_loaded import unloaded_place
from descend.ground.bound import Count

UNITS = Count(16, "units of a hidden layer", "chosen: four times the widest layer that is called narrow")


def other_names(record: Record, symptom: Symptom) -> Dose | None:
    """The prefix that the checkpoint's names have and the module's do not, or the other way round."""
    place = unloaded_place(record)
    load = record.fact(facts.LeftUnloaded, place)
    if load is None or load.prefix is None:
        return None
    return {"place": place, "prefix": load.prefix, "is_extra": load.is_extra}


def usual_share(record: Record, symptom: Symptom) -> Dose | None:
    """The usual share of a new batch in the running statistics."""
    return {"momentum": USUAL, "optimizer": symptom.optimizer}


def handed_on(record: Record, symptom: Symptom) -> Dose | None:
    """Where a copy of the network is given parameters and no buffers."""
    return {"kind": "unaveraged_buffers", "place": "0"} if record.fact(facts.UnaveragedBuffers, "0") else None


def more_units(record: Record, symptom: Symptom) -> Dose | None:
    """Which layers of the chain are narrow, and how many units they get."""
    chain, narrow = record.fact(facts.Widths), narrow_layers(record)
    if chain is None or not narrow:
        return None
    return {"layers": list(chain.layers), "narrow": list(narrow), "old": min(narrow.values()), "units": UNITS}
