"""Weights not loaded: the names in the checkpoint do not match the module's, and the mismatch is silent."""

from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign

SOURCE = "torch.nn.Module.load_state_dict: with strict=False names that do not match are left out"


def weights_not_loaded(record: Record) -> Sign | None:
    """A load before the training that brought nothing, or left out what another prefix would bring."""
    place = unloaded_place(record)
    load = record.fact(facts.LeftUnloaded, place)
    if load is None:
        return None
    return Ruin(
        certain=True,
        sentence=f"load_state_dict left {load.missing} of {load.of} tensors as they were initialised: the module calls "
        f"the first `{load.first}`, the checkpoint `{load.unexpected}`, and strict=False says nothing of it",
        quantity="tensors that were not loaded",
        value=float(load.missing),
        bound=0.0,
        source=SOURCE,
        where=record.site("load_state_dict", place),
    )


def unloaded_place(record: Record) -> str:
    """Return which load is meant: the first one that a prefix would mend, or else the first one; "" for none."""
    last = {place: record.history(facts.LeftUnloaded, place)[-1] for place in record.every(facts.LeftUnloaded)}
    left = [place for place, load in last.items() if load.fact.missing and not load.step]
    return next((place for place in left if last[place].fact.prefix is not None), next(iter(left), ""))
