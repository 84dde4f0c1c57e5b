"""Over-regularised: the penalty has more effect on the weights than the data."""

from descend.doctor.course.progress import HARDLY_LEARNT, cost_left, loss_left_message
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Goodfellow et al. 2016, §7.1: too strong a penalty makes the network underfit"
LARGE_DECAY = Bound(
    0.03, "coupled weight decay", "chosen: a hundred times the usual 1e-4 to 1e-3, in the middle of their logarithms"
)
LARGE_DECOUPLED = Bound(0.5, "decoupled weight decay", "chosen: fifty times the default of torch.optim.AdamW")
LARGE_SHARE = Bound(0.5, "of the loss that is no data loss", "chosen: half of it is most")
LARGE_DROPOUT = Bound(0.75, "dropout rate", "chosen: it leaves a quarter of the units, where at least half is usual")


def over_regularised(record: Record) -> Sign | None:
    """A decay, a penalty or a dropout far above what is usual, while much of the cost on the training data is left."""
    if not cost_left(record) > HARDLY_LEARNT:
        return None
    return _decay(record) or _penalty(record) or _dropout(record)


def _decay(record: Record) -> Sign | None:
    for key, optimizer in record.every(facts.Optimizer).items():
        decay = float(optimizer.weight_decay or 0.0)
        decoupled = optimizer.rule == "AdamW" or optimizer.decoupled_weight_decay
        limit = LARGE_DECOUPLED if decoupled else LARGE_DECAY
        if decay >= limit:
            sentence = f"weight decay of {decay:g} (usual: {'0.01' if decoupled else '1e-4'}) pulls the weights to zero"
            return _symptom(record, sentence, ("weight_decay", decay, limit), "optimizer", key)
    return None


def _penalty(record: Record) -> Sign | None:
    connections = record.fact(facts.Connections)
    share = 1 - connections.share if connections else 0.0
    losses = record.series("loss", "0")
    if not share > LARGE_SHARE or not losses.first > 0:
        return None
    sentence = f"{share:.0%} of the loss is a penalty that the data have no part in"
    return _symptom(record, sentence, ("share of the loss that is a penalty", share, LARGE_SHARE), "loss")


def _dropout(record: Record) -> Sign | None:
    shares = [(place, dropout.p) for place, dropout in record.every(facts.Dropout).items()]
    worst = max(shares, key=lambda pair: pair[1], default=("", 0.0))
    if worst[1] < LARGE_DROPOUT:
        return None
    sentence = f"dropout of {worst[1]:g} in {worst[0]} leaves {1 - worst[1]:.0%} of the units (usual: at least half)"
    return _symptom(record, sentence, ("dropout", worst[1], LARGE_DROPOUT), "dropout", worst[0])


def _symptom(record: Record, sentence: str, number: tuple[str, float, float], kind: str, key: str = "0") -> Sign:
    quantity, value, bound = number
    return Sign(
        certain=False,
        likely=True,
        sentence=f"{sentence}, and {loss_left_message(record)}",
        quantity=quantity,
        value=value,
        bound=bound,
        source=SOURCE,
        where=record.site(kind, key) or record.site(kind),
        optimizer=key if kind == "optimizer" else "0",
        evidence=(("loss", key if kind == "optimizer" else "0"),),
    )
