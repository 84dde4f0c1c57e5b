"""Broadcasting: predictions of shape (N, 1) minus targets of shape (N,) compare every prediction with every target."""

from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign

SOURCE = "torch.broadcast_tensors: a dimension of size 1 is repeated; the least of such a loss is at a constant"


def broadcasting(record: Record) -> Sign | None:
    """Report predictions and targets with equally many elements whose shapes broadcast to all pairs."""
    connections = record.fact(facts.Connections)
    found = connections.broadcast if connections else None
    if found is None:
        return None
    targets = record.fact(facts.Targets)
    variance = float("nan") if targets is None or targets.constant_cost is None else targets.constant_cost
    floor = f". The loss cannot fall below the targets' variance, {variance:.3g}" if variance == variance else ""
    return Ruin(
        certain=True,
        sentence=f"predictions of shape {found.prediction} and targets of shape {found.target} broadcast to "
        f"{found.result}, so every prediction is compared with every target{floor}",
        quantity="loss_floor",
        value=record.series("loss", "0").last,
        bound=variance if variance == variance else 0.0,
        source=SOURCE,
        where=record.site("difference") or record.site("loss"),
    )
