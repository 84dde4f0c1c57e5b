"""No batch: the training loop is never entered, so no gradient is computed and no step is made."""

from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign

SOURCE = "torch.utils.data.DataLoader: drop_last=True drops the last batch if it is smaller than batch_size"


def no_batch(record: Record) -> Sign | None:
    """Report a script that makes an optimizer, ends without a backward pass, and has an empty loop or loader."""
    passes = record.fact(facts.Passes)
    has_ended = record.ending is not None and record.ending.reason == "finished"
    if not has_ended or record.steps or passes is None or passes.backward or not record.every(facts.Optimizer):
        return None
    return _empty_loader(record) or _unentered_loop(record)


def _empty_loader(record: Record) -> Sign | None:
    for key, loader in record.every(facts.Loader).items():
        if loader.batches != 0:
            continue
        examples = f"{loader.examples} example{'' if loader.examples == 1 else 's'}"
        dropped = loader.drop_last and loader.examples
        why = f", and drop_last=True drops the only batch, of {examples}" if dropped else ""
        return Ruin(
            certain=True,
            sentence=f"the DataLoader has {examples} and batch_size={loader.batch_size}{why}: it yields no batch, so "
            "backward() is never called and the parameters stay as they were initialised. "
            + ("Choose a smaller batch_size or drop_last=False" if dropped else "Check what fills its dataset"),
            quantity="batches of the DataLoader",
            value=0.0,
            bound=1.0,
            source=SOURCE,
            where=record.site("loader", key),
        )
    return None


def _unentered_loop(record: Record) -> Sign | None:
    loop, where = record.fact(facts.UnenteredLoop), record.site("unentered_loop")
    if loop is None or where is None:
        return None
    return Ruin(
        certain=True,
        sentence=f"the loop `{loop.header}` is never entered, so backward() in line {loop.backward} is never called "
        "and the parameters stay as they were initialised. Check how many batches and epochs it counts to",
        quantity="passes of the loop",
        value=0.0,
        bound=1.0,
        source=SOURCE,
        where=where,
    )
