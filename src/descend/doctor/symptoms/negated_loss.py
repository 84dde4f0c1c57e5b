"""Negated loss: training makes the predictions worse on purpose."""

from descend.doctor.course.objective import has_no_maximum
from descend.doctor.course.stages import one_by_one
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign
from descend.ground.change import change_in_words

SOURCE = "Bottou et al. 2018, §4: a step along −∇ lowers the cost; the gradient of −cost raises it"


def negated_loss(record: Record) -> Sign | None:
    """The loss falls as its own loss call grows, or the optimizer maximises one that grows with it or has no maximum.

    Not where two optimizers have opposite aims, nor where gradients are reversed: `wrong_step` reports it.
    """
    connections, optimizer = record.fact(facts.Connections), record.fact(facts.Optimizer, "0")
    altered = record.fact(facts.Alterations, "0")
    slope = connections.slope if connections else 0.0
    is_unlimited = not slope and has_no_maximum(record)
    maximises = optimizer is not None and bool(optimizer.maximize)
    is_alone = len(record.every(facts.Optimizer)) == 1 or bool(one_by_one(record))
    is_negated = slope * (-1 if maximises else 1) < 0 or maximises and is_unlimited
    if not is_negated or not is_alone or (altered is not None and altered.is_reversed):
        return None
    losses = record.series("loss", "0")
    went = change_in_words(losses.first, losses.last)
    falls = "falls" if losses.last < losses.first else "went"
    grows = "has a lower bound and no upper one" if is_unlimited else "grows with the errors"
    is_by_hand = optimizer is not None and optimizer.by_hand
    climbs = "script's own update maximises" if is_by_hand else "optimizer maximises (maximize=True)"
    turned = (
        f"the {climbs} a loss that {grows} ({went}): the predictions get worse"
        if maximises
        else f"the loss rewards errors: it {falls} ({went}) as the predictions get worse, because its sign is wrong"
    )
    return Ruin(
        certain=True,
        sentence=turned,
        quantity="slope of the loss along its own error",
        value=slope,
        bound=0.0,
        source=SOURCE,
        where=(record.site("optimizer", "0") if maximises else record.site("loss")) or record.site("backward"),
    )
