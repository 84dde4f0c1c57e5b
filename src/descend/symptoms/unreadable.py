"""Unreadable: what the network is given is made into something else on the way, in a run that suffers."""

from descend.record import Record
from descend.symptoms.own_metric import own_metric
from descend.symptoms.progress import FAIR
from descend.symptoms.suffering import suffers
from descend.symptoms.symptom import Symptom

SOURCE = "Cover & Thomas 2006, §2.8: no processing of the data can tell more of the targets than the data do"


def unreadable(record: Record) -> Symptom | None:
    """Calls stand between the data and the network, and nothing is learnt with them: without one, it may be."""
    places = record.places("on_inputs")
    if not places or not (suffers(record) or _lacks_elsewhere(record)):
        return None
    first = record.fact("on_inputs", places[0]) or {}
    return Symptom(
        id="unreadable",
        kind="dynamics",
        certain=False,
        confidence=0.5,
        sentence=f"what the network or the loss is given goes through {first['function']} first, and the run does not "
        "learn so well what it is asked: what that takes away, nothing behind it brings back",
        quantity="calls between the data and the network",
        value=float(len(places)),
        bound=0.0,
        source=SOURCE,
        where=record.site("on_inputs", places[0]),
        evidence=(("loss", "0"),),
    )


def _lacks_elsewhere(record: Record) -> bool:
    """Whether much is missing by a number that the script does not measure on its training data."""
    metric = own_metric(record)
    told = record.fact("own_number", metric.name) or {} if metric else {}
    if metric is None or told.get("is_held_out") is False or metric.kind == "gain":
        return False
    curve = metric.curve(record)
    return curve.last > FAIR * (metric.whole if metric.kind == "share" else curve.first)
