"""Unpaired targets: two loaders shuffle inputs and targets separately, or a call moves only one of them."""

from descend.doctor.course.progress import HARDLY_LEARNT, cost_left, loss_left_message
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign

SOURCE = "torch.utils.data.DataLoader: each iterator with shuffle=True draws an order of its own"


MOVED = "torch.roll, torch.flip: dims counts the batch as axis 0"


def unpaired_targets(record: Record) -> Sign | None:
    """Inputs from one shuffling loader, targets from another, or a call along the batch; much of the cost is left."""
    return _shuffled_apart(record) or _moved_apart(record)


def _moved_apart(record: Record) -> Sign | None:
    """A call moves the examples along axis 0 of one side of the loss alone."""
    moved = record.fact(facts.MovedExamples)
    if moved is None or not cost_left(record) > HARDLY_LEARNT:
        return None
    axes = f"dims={moved.axes[0] if len(moved.axes) == 1 else moved.axes}"
    return Sign(
        certain=True,
        sentence=f"{moved.function} with {axes} moves examples along axis 0, which is the batch, on one side of the "
        f"loss only: examples are trained on the targets of others; {loss_left_message(record)}",
        quantity="axis of the batch that is moved",
        value=0.0,
        bound=0.0,
        source=MOVED,
        where=record.site("moved_examples", "0"),
    )


def _shuffled_apart(record: Record) -> Sign | None:
    pairing, loaders = record.fact(facts.Pairing), record.every(facts.Loader)
    keys = [*pairing.inputs, *pairing.targets] if pairing else []
    shuffle = [key for key in keys if key in loaders and loaders[key].shuffles]
    if pairing is None or not shuffle or not cost_left(record) > HARDLY_LEARNT:
        return None
    return Ruin(
        certain=False,
        likely=True,
        sentence="the inputs come from one loader and their targets from another, and "
        f"{'both shuffle independently' if len(shuffle) > 1 else 'one of them shuffles'}: an example meets "
        f"the target of another, and the best answer is the targets' mean; {loss_left_message(record)}",
        quantity="loaders that shuffle by themselves",
        value=float(len(shuffle)),
        bound=0.0,
        source=SOURCE,
        where=record.site("loader", pairing.targets[0]),
    )
