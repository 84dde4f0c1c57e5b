"""Examples mixed: the output for one example depends on the other examples in its batch.

For every permutation P of the examples, f(P·x) = P·f(x) must hold. Otherwise a single example is predicted differently
from the same example in a batch.

A model and the preprocessing before it process examples one by one. If the rows of a batch and of its targets are
permuted alike, the examples of each intermediate result must be permuted, too. The loss must stay the same. Batch
normalisation has this property, too. The first call without it has confused the batch with another axis.
"""

from dataclasses import replace

from descend.doctor.assess.batch_dimension import LAYERS
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.dimensions import (
    axes_within_example,
    dimension_within_example,
    exchange_of_mixed_dimensions,
    gathered_dimension,
    index_of_all_examples,
    other_batch_first,
)
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.nn.LSTM, MultiheadAttention: the first dimension is time unless batch_first=True; torch.Tensor.view"
EQUIVARIANCE = "Zaheer et al. 2017, §2: a function of a set of examples commutes with permutations of the set"
SENTENCES = {
    "recurrence": "the layer treats the batch dimension as time, so each example is a time step after the previous one",
    "attention": "the examples of a batch attend to each other like the elements of one sequence",
    "reshape": "{call} turns shape {shape} into {result}; view and reshape keep the values in order, so values of "
    "different examples are mixed (transpose and permute exchange dimensions)",
    "reorder": "{call} moves values along the batch dimension, so each example is combined with another one",
    "gather": "{call} selects along the batch dimension, so it reads values of other examples",
    "positions": "{call} combines the examples with a tensor along the batch dimension, so each row of the batch is "
    "treated in its own way",
    "pairs": "the index of each example is applied to all examples, so shape {shape} becomes {result}, and each "
    "example is trained on the indices of the others, too",
    "other": "{call} turns shape {shape} into {result} and treats the rows of the batch in different ways",
    "softmax": "the softmax normalises along the batch dimension, so the outputs of one example lower those of the "
    "others",
}
# Kinds of calls that a remedy repairs, so that a trial can show whether they are mistakes.
REPAIRABLE = frozenset({"recurrence", "attention", "reshape"})
ON_PURPOSE = frozenset({"reorder", "other", "pairs"})  # Some programs combine the examples of a batch on purpose.

PROBLEM = Problem(
    id="examples_mixed",
    kind="wiring",
    title="the output for one example depends on other examples in its batch",
    consequences=frozenset({"no_signal", "unshuffled_data", "target_leak"}),
    remedies=(
        RemedyEntry(
            "batch_first",
            other_batch_first,
            "set batch_first={batch_first}",
            "each example is then a separate sequence",
            "torch.nn.LSTM",
        ),
        RemedyEntry(
            "transpose",
            exchange_of_mixed_dimensions,
            "use {call} to exchange the dimensions of the reshape",
            "each example is then a separate sequence",
            "torch.Tensor.view",
        ),
        *(
            RemedyEntry(
                "call_argument",
                within_example,
                phrases.SET_ARGUMENT,
                "each example then keeps its own values",
                "torch.roll, torch.flip, torch.gather: dims and dim",
            )
            for within_example in (*map(axes_within_example, range(phrases.CALLS_TRIED)), gathered_dimension)
        ),
        RemedyEntry(
            "own_entries",
            index_of_all_examples,
            "take the entry of each example by its own index in line {line}",
            "each example is then trained on its own index only",
            "torch.gather",
            cost=1,
            judged_on="metric",
        ),
        RemedyEntry(
            "softmax_dimension",
            dimension_within_example,
            "apply {activation} along dim={dim}",
            "the softmax then normalises over the entries of one example",
            "Vaswani et al. 2017, eq. 1",
        ),
    ),
    flatters=True,
    example=CodeExample(
        faulty="rnn = nn.LSTM(8, 32)\noutputs, _ = rnn(sequences)  # shape (batch, time, features)",
        fixed="rnn = nn.LSTM(8, 32, batch_first=True)\noutputs, _ = rnn(sequences)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a network in which the order of a batch matters, or whose examples attend to each other.

    One step is replayed in evaluation mode and in float64 with its batch permuted, and the examples are followed from
    call to call. In a second replay one example is replaced. If the run has learned its task, a layer that takes the
    batch for time is only suspected, because the rows may be the steps of one sequence, and nothing else is reported.
    If no loss shows what was learned, only calls that cannot be intended are reported.
    """
    left = summary.cost_left
    is_unknown = not left >= 0  # A loss that becomes negative has no lower limit to compare it with.
    found = _report_order_dependence(record) or _report_dependence_on_others(record)
    if found is None or left > LEFT_TO_LEARN or is_unknown and found.certain:
        return found
    order = record.fact(facts.OrderDependence)
    is_repairable = order is not None and order.by in REPAIRABLE and found.certain
    return replace(found, certain=False) if is_repairable else None


def _report_order_dependence(record: Record) -> Detection | None:
    """Report a call of the network whose result depends on the order of the examples in the batch."""
    found = record.fact(facts.OrderDependence)
    if found is None or not found.in_network or found.by not in SENTENCES:
        return None
    sentence = SENTENCES[found.by].format(call=found.function, shape=found.shape, result=found.result)
    changed = f"if the {found.examples} examples of a batch and their targets are permuted alike, the loss changes: "
    return FatalDetection(
        certain=found.by not in ON_PURPOSE,
        likely=found.by == "pairs",
        sentence=f"{'' if found.by == 'pairs' else changed}{sentence}"
        f"{_batch_first_message(found.by, found.batch_first)}",
        quantity="examples in the batch",
        value=found.examples,
        bound=0.0,
        source=EQUIVARIANCE,
        where=record.site(SiteKind.ORDER_DEPENDENCE, "0"),
    )


def _report_dependence_on_others(record: Record) -> Detection | None:
    """Report outputs that change if another example of the batch is replaced, because of attention or a softmax."""
    mixing = record.fact(facts.Mixing)
    if mixing is None or not mixing.share or mixing.by not in SENTENCES:
        return None
    return FatalDetection(
        certain=False,
        likely=True,
        sentence=f"replacing one of {mixing.examples} examples changes the outputs of {mixing.share:.0%} of the "
        f"others: {SENTENCES[mixing.by]}{_batch_first_message(mixing.by, mixing.batch_first)}",
        quantity="share of the other examples whose output changes",
        value=mixing.share,
        bound=0.0,
        source=SOURCE,
        where=record.site(SiteKind.MIXING),
    )


def _batch_first_message(by: str, batch_first: bool) -> str:
    """Return which dimension a layer expects first and which one it receives; "" for other calls."""
    comes = "time" if batch_first else "the batch"
    return f" (batch_first={batch_first}, but the first dimension is {comes})" if by in LAYERS else ""
