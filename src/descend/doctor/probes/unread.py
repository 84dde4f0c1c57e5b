"""Why a loss does not show which output belongs to which target, in words."""

from descend.doctor.probes.loss_call import loss_call
from descend.doctor.tape import Recording
from descend.doctor.tape.vocabulary import LOSSES

UNFED = "no tensor of the data was seen to meet a parameter"
MANY = "one example has several targets"
UNLIKE = "the outputs that the loss is given are not of its targets' shape"


def unread(recording: Recording) -> str:
    """Return why nothing is known of what the loss is given."""
    if loss_call(recording) is not None:
        return "the loss is written out, and not of one row of scores for each example"
    calls = sum(op.name in LOSSES for op in recording.ops)
    if calls > 1:
        return "the loss is made of several calls of loss functions, and which targets are meant is not clear"
    if calls:
        return "the loss function is not given outputs and targets as two tensors"
    return (
        "the loss does not show its targets: it neither calls a loss function nor writes one out in a way that is known"
    )


def unmatched(what: str) -> str:
    """Return why inputs and targets, or outputs, do not come one for each example."""
    return (
        f"the inputs' first dimension is not the number of {what}, as where time comes first or an example has several"
    )
