"""Unpaired targets: inputs and targets come from different rows, or a call moves only one of them.

The loss compares the prediction for row i with the target of row π(i). If π is a random permutation, the targets are
independent of the inputs, and the best prediction is constant. If the training loss falls nevertheless, the network
memorises.
"""

from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.dimensions import (
    axes_within_example,
    exchange_of_mixed_dimensions,
    rows_of_inputs,
    second_shift,
    shuffling_loaders,
)
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.utils.data.DataLoader: with shuffle=True, each iterator draws its own order"
ROWS = "torch.Tensor.__getitem__: an example and its target are in the same row of two tensors"
TOKENS = "Bengio et al. 2003, sect. 2: a language model predicts the next token"
MOVED = "torch.roll, torch.flip: in dims, axis 0 is the batch"
SENTENCES = {
    "reorder": "{call} reorders the examples along the batch dimension",
    "pairing": "{call} compares tensors of shape {shape} that hold the examples in different orders",
}

PROBLEM = Problem(
    id="unpaired_targets",
    kind="wiring",
    title="inputs are paired with the wrong targets",
    consequences=frozenset({"inputs_not_normalised", "no_signal", "targets_not_scaled"}),
    remedies=(
        RemedyEntry(
            "keep_order",
            shuffling_loaders,
            "do not shuffle in either loader",
            "each example then gets its own target; only a loader that returns pairs may shuffle",
            "torch.utils.data.DataLoader",
            cost=1,
            judged_on="spread",
        ),
        RemedyEntry(
            "same_rows",
            rows_of_inputs,
            "index the targets like the inputs",
            "each example then gets its own target",
            ROWS,
            cost=1,
            judged_on="spread",
        ),
        RemedyEntry(
            "shift_once",
            second_shift,
            "remove {function} from the targets",
            "the target at each position is then the next token",
            TOKENS,
            cost=1,
            judged_on="metric",
        ),
        RemedyEntry(
            "transpose",
            exchange_of_mixed_dimensions,
            "insert {call} before the reshape of the outputs",
            "outputs and targets then have the same order",
            "torch.Tensor.view",
            cost=1,
        ),
        *(
            RemedyEntry(
                "call_argument",
                axes_within_example(number),
                phrases.SET_ARGUMENT,
                "each example then stays with its own target",
                "torch.roll, torch.flip: dims",
                cost=1,
            )
            for number in range(phrases.CALLS_TRIED)
        ),
    ),
    example=CodeExample(
        faulty="inputs = inputs[torch.randperm(len(inputs))]\ntargets = targets[torch.randperm(len(targets))]",
        fixed="order = torch.randperm(len(inputs))\ninputs, targets = inputs[order], targets[order]",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report inputs and targets of different rows, targets that are shifted twice, or a call that reorders one of them.

    The rows of stored tensors are numbered, and the numbers are followed through all calls before the network.
    """
    return (
        _report_different_rows(record)
        or _report_shift(record)
        or _report_separate_shuffling(record, summary)
        or _report_separate_reordering(record, summary)
    )


def _report_different_rows(record: Record) -> Detection | None:
    """Report inputs and targets that are taken from two stored tensors by different rows."""
    found = record.fact(facts.DifferentRows)
    if found is None:
        return None
    rows, others = (", ".join(map(str, numbers)) for numbers in (found.rows, found.others))
    what = "targets" if found.is_target else "other values"
    return FatalDetection(
        certain=True,
        sentence=f"the inputs of the first batch are rows {rows}, … of a tensor with {found.of:,} rows, but the {what} "
        f"are rows {others}, … of another one: {found.differing} of {found.examples} examples get the {what} of others",
        quantity="examples with rows of others",
        value=found.differing,
        bound=0.0,
        source=ROWS,
        where=record.site(SiteKind.TAKEN_ROWS, "targets") or record.site(SiteKind.TAKEN_ROWS, "inputs"),
    )


def _report_shift(record: Record) -> Detection | None:
    """Report targets that are the tokens two or three positions after those of the input."""
    found = record.fact(facts.TargetShift)
    if found is None:
        return None
    return FatalDetection(
        certain=False,
        likely=True,
        sentence=f"the target at each position is the input token {found.positions} positions later, not the next one: "
        "the targets are shifted more than once",
        quantity="positions from input token to target",
        value=found.positions,
        bound=1.0,
        source=TOKENS,
        where=record.site(SiteKind.TAKEN_ROWS, "shift") or record.site(SiteKind.LOSS),
    )


def _report_separate_reordering(record: Record, summary: RunSummary) -> Detection | None:
    """Report a call that reorders only inputs or only targets, or one that compares rows in different orders."""
    found = record.fact(facts.OrderDependence)
    if found is None or found.by not in SENTENCES or found.by == "reorder" and found.in_network:
        return None
    if not summary.cost_left > LITTLE_LEARNED:
        return None
    sentence = SENTENCES[found.by].format(call=found.function, shape=found.shape)
    axes = f" (dims={found.axes[0] if len(found.axes) == 1 else found.axes})" if found.axes else ""
    return Detection(
        certain=True,
        sentence=f"{sentence}{axes}, so examples are trained on the targets of others; {loss_left_message(summary)}",
        quantity="axis along which examples are reordered",
        value=0.0,
        bound=0.0,
        source=MOVED,
        where=record.site(SiteKind.ORDER_DEPENDENCE, "0"),
    )


def _report_separate_shuffling(record: Record, summary: RunSummary) -> Detection | None:
    """Report inputs and targets that come from different loaders, if at least one of the loaders shuffles."""
    pairing, loaders = record.fact(facts.Pairing), record.every(facts.Loader)
    keys = [*pairing.inputs, *pairing.targets] if pairing else []
    shuffle = [key for key in keys if key in loaders and loaders[key].shuffles]
    if pairing is None or not shuffle or not summary.cost_left > LITTLE_LEARNED:
        return None
    return FatalDetection(
        certain=False,
        likely=True,
        sentence="the inputs come from one loader and their targets from another, and "
        f"{'both shuffle independently' if len(shuffle) > 1 else 'one of them shuffles'}. Each example gets the target "
        f"of another, so the best prediction is the targets' mean; {loss_left_message(summary)}",
        quantity="loaders that shuffle by themselves",
        value=float(len(shuffle)),
        bound=0.0,
        source=SOURCE,
        where=record.site(SiteKind.LOADER, pairing.targets[0]),
    )
