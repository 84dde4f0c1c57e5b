"""Negated loss: training makes the predictions worse on purpose."""

from descend.doctor.course.stages import one_by_one
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign
from descend.ground.change import change_in_words

SOURCE = "Bottou et al. 2018, §4: a step along −∇ lowers the cost; the gradient of −cost raises it"


def negated_loss(record: Record) -> Sign | None:
    """The loss falls where its own loss call grows, or the rule climbs one that grows with it.

    Not where two optimizers play against each other.
    """
    connections, optimizer = record.fact(facts.Connections), record.fact(facts.Optimizer, "0")
    slope = connections.slope if connections else 0.0
    climbs = optimizer is not None and bool(optimizer.maximize)
    is_alone = len(record.every(facts.Optimizer)) == 1 or bool(one_by_one(record))
    if not slope * (-1 if climbs else 1) < 0 or not is_alone:
        return None
    losses = record.series("loss", "0")
    went = change_in_words(losses.first, losses.last)
    falls = "falls" if losses.last < losses.first else "went"
    turned = (
        f"the optimizer climbs (maximize=True) a loss that grows with the errors ({went}): the predictions get worse"
        if climbs
        else f"the loss rewards errors: it {falls} ({went}) as the predictions get worse, because its sign is turned"
    )
    return Ruin(
        certain=True,
        sentence=turned,
        quantity="slope of the loss along its own error",
        value=slope,
        bound=0.0,
        source=SOURCE,
        where=(record.site("optimizer", "0") if climbs else record.site("loss")) or record.site("backward"),
    )
