"""Unreadable: what the network is given is made into something else on the way, in a run that suffers."""

from descend.record import Record
from descend.symptoms.suffering import suffers
from descend.symptoms.symptom import Symptom

SOURCE = "Cover & Thomas 2006, §2.8: no processing of the data can tell more of the targets than the data do"


def unreadable(record: Record) -> Symptom | None:
    """Calls stand between the data and the network, and nothing is learnt with them: without one, it may be."""
    places = record.places("on_inputs")
    if not places or not suffers(record):
        return None
    first = record.fact("on_inputs", places[0]) or {}
    return Symptom(
        id="unreadable",
        kind="dynamics",
        certain=False,
        confidence=0.5,
        sentence=f"what the network or the loss is given goes through {first['function']} first, and the run does not "
        "learn what it is asked: what that takes away, nothing behind it brings back",
        quantity="calls between the data and the network",
        value=float(len(places)),
        bound=0.0,
        source=SOURCE,
        where=record.site("on_inputs", places[0]),
        evidence=(("loss", "0"),),
    )
