"""Messages that say why the outputs and targets of a loss are unknown."""

from descend.doctor.measure.loss_call import loss_call
from descend.doctor.tape import Recording
from descend.doctor.tape.vocabulary import LOSSES

UNFED = "no call combines a data tensor with a parameter"
MANY = "one example has several targets"
UNLIKE = "the shape of the outputs differs from the shape of the targets"


def no_loss_call_message(recording: Recording) -> str:
    """Return a message that says why the prediction and the target of the loss are unknown."""
    if loss_call(recording) is not None:
        return "the loss is written as an expression, and the outputs do not have one row of scores per example"
    calls = sum(op.name in LOSSES for op in recording.ops)
    if calls > 1:
        return "the loss calls several loss functions, so it is unclear which targets count"
    if calls:
        return "the loss function does not receive outputs and targets as two tensors"
    return "the targets are unknown, because the loss is neither a known loss function nor a known expression for one"


def unmatched_message(what: str) -> str:
    """Return a message that says why inputs cannot be matched with targets or outputs, one per example."""
    reason = f"the first dimension may be time, or one example may have several {what}"
    return f"the inputs do not have one row for each of the {what}: {reason}"
