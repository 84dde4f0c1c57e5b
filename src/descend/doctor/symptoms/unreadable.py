"""Unreadable: what the network is given is made into something else on the way, in a run that suffers."""

from descend.doctor.course.suffering import may_suffer
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign

SOURCE = "Cover & Thomas 2006, §2.8: no processing of the data can tell more of the targets than the data do"


def unreadable(record: Record) -> Sign | None:
    """Calls stand between the data and the network, and nothing is learnt with them: without one, it may be."""
    kinds = (facts.OnInputs, facts.OnFetched, facts.Prepared, facts.OnEvaluated)
    calls = [(kind, place) for kind in kinds for place in record.every(kind)]
    if not calls or not may_suffer(record):
        return None
    kind, place = calls[0]
    met = "the network or the loss is given" if kind is not facts.OnEvaluated else "the network is evaluated on"
    return Sign(
        certain=False,
        sentence=f"what {met} is made into something else first, and the run does not learn so well what it is asked: "
        "what is lost there, nothing behind it brings back",
        quantity="calls between the data and the network",
        value=float(len(calls)),
        bound=0.0,
        source=SOURCE,
        where=record.site(facts.name_of(kind), place),
    )
