"""Zero input: a layer receives only zeros, so neither it nor any later layer can learn from the input."""

from descend.doctor.course.progress import HARDLY_LEARNT, cost_left, loss_left_message
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign

SOURCE = "Goodfellow et al. 2016, §6.5: a weight's derivative is its input times what comes back from its output"


def zero_input(record: Record) -> Sign | None:
    """A layer whose input is zero in every example that was looked at, in a run that leaves much of the cost."""
    fed = record.every(facts.ZeroInput)
    if not fed or not cost_left(record) > HARDLY_LEARNT:
        return None
    name, first = next(iter(fed.items()))
    return Ruin(
        certain=True,
        sentence=f"{first.layer} {name} is fed nothing but zeros: it gives its bias whatever the example is, and "
        f"its weights get no gradient; {loss_left_message(record)}",
        quantity="layers that are fed zeros",
        value=float(len(fed)),
        bound=0.0,
        source=SOURCE,
        where=record.site("zero_input"),
        module=name,
    )
