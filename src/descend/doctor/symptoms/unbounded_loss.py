"""Unbounded loss: it has no least value, even where the network gives all examples one and the same answer."""

from descend.doctor.course.opponents import has_opponents
from descend.doctor.course.own_metric import draws_what_it_is_judged_on
from descend.doctor.course.suffering import may_suffer, suffers
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.change import change_in_words

SOURCE = "Rockafellar 1970, §8: where its recession function is negative a function falls without end"


def unbounded_loss(record: Record) -> Sign | None:
    """A constant output lets the loss fall without end; not where the network draws what it is judged on."""
    whole = record.fact(facts.Reachability)
    is_policy = draws_what_it_is_judged_on(record) or has_opponents(record)
    if whole is None or not (whole.unbounded and whole.is_compared) or is_policy or not may_suffer(record):
        return None
    losses = record.series("loss", "0").finite()
    return Sign(
        certain=suffers(record),
        sentence=f"the loss ({change_in_words(losses.first, losses.last)}) has no least value: even where the network "
        "answers all examples alike it falls without end, so it can be lowered for ever without a look at the data. "
        "Some term has the wrong sign, or the one that holds it up is missing",
        quantity="loss",
        value=losses.last,
        bound=whole.constant,
        source=SOURCE,
        where=record.site("loss") or record.site("on_loss", "0") or record.site("backward"),
    )
