"""Unpaired targets: inputs and targets come from two loaders that shuffle separately."""

from descend.doctor.course.progress import HARDLY_LEARNT, cost_left, cost_left_in_words
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign

SOURCE = "torch.utils.data.DataLoader: each iterator with shuffle=True draws an order of its own"


def unpaired_targets(record: Record) -> Sign | None:
    """A loss between what one shuffling loader gave and what another one gave, and much of the cost is left."""
    pairing, loaders = record.fact(facts.Pairing), record.every(facts.Loader)
    keys = [*pairing.inputs, *pairing.targets] if pairing else []
    shuffle = [key for key in keys if key in loaders and loaders[key].shuffles]
    if pairing is None or not shuffle or not cost_left(record) > HARDLY_LEARNT:
        return None
    return Ruin(
        certain=False,
        likely=True,
        sentence="the inputs come from one loader and their targets from another, and "
        f"{'both draw orders of their own' if len(shuffle) > 1 else 'one draws an order of its own'}: an example meets "
        f"the target of another, and the best answer is the targets' mean; {cost_left_in_words(record)} is left",
        quantity="loaders that shuffle by themselves",
        value=float(len(shuffle)),
        bound=0.0,
        source=SOURCE,
        where=record.site("loader", pairing.targets[0]),
    )
