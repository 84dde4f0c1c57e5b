"""Reshape instead of transpose: `view` gives the right shape, but leaves the values in the wrong order."""

from descend.doctor.course.progress import LEFT_TO_LEARN, cost_left, loss_left_message
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign

SOURCE = "torch.Tensor.view: the values keep their order in memory; torch.Tensor.transpose exchanges dimensions"


def dimensions_exchanged(record: Record) -> Sign | None:
    """A change of shape to the same sizes in another order, on what the network computes."""
    exchange = record.fact(facts.Exchanged, "0")
    if exchange is None or not cost_left(record) > LEFT_TO_LEARN:
        return None
    return Ruin(
        certain=False,
        likely=True,
        sentence=f"a change of shape makes {exchange.result} of {exchange.shape}: the sizes are exchanged "
        "and the values are not, so each lands in the place of another (transpose or permute would move them); "
        f"{loss_left_message(record)}",
        quantity="share of a constant prediction's cost",
        value=cost_left(record),
        bound=LEFT_TO_LEARN,
        source=SOURCE,
        where=record.site("exchanged", "0"),
    )
