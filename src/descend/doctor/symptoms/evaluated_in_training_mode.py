"""Evaluated in training mode: dropout and batch statistics are active while the script measures its network."""

from descend.doctor.course.own_metric import own_metric
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign

SOURCE = "torch.nn.Module.eval; Srivastava et al. 2014, §2: at test time every unit is present, with its weight scaled"


def evaluated_in_training_mode(record: Record) -> Sign | None:
    """Passes that no gradient is taken of draw, or move running statistics, in a script that logs a metric."""
    seen = record.every(facts.TrainingMode)
    if not seen or own_metric(record) is None:
        return None
    place, first = next(iter(seen.items()))
    if first.function == "batch_norm":
        what = "batch normalisation takes the statistics of the batch that is evaluated, and moves the running ones"
    else:
        what = f"{first.function} leaves out units as it does in training"
    why = (
        ": it is called as a function, and nothing tells it the mode" if first.by_itself else ": eval() was not called"
    )
    where = (
        "in a forward pass that no backward pass follows"
        if first.with_gradients
        else "where no gradients are asked for"
    )
    return Sign(
        certain=False,
        sentence=f"{where}, {what}{why}",
        quantity="places that evaluate in training mode",
        value=float(len(seen)),
        bound=0.0,
        source=SOURCE,
        where=record.site("drawn" if first.by_itself else "evaluated", place),
    )
