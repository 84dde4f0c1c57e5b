"""Examples mixed: the output for one example depends on the other examples in its batch."""

from descend.doctor.assess.batch_dimension import LAYERS
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.dimensions import (
    dimension_within_example,
    exchange_of_mixed_dimensions,
    other_batch_first,
)
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.nn.LSTM, MultiheadAttention: the first dimension is time unless batch_first=True; torch.Tensor.view"
SENTENCES = {
    "recurrence": "the layer treats the batch dimension as time, so each example is a time step after the previous one",
    "attention": "the examples of a batch attend to each other like the elements of one sequence",
    "reshape": "view and reshape keep the values in order, so a change from (N, T, …) to (T, N, …) mixes examples; "
    "transpose(0, 1) exchanges the dimensions",
    "softmax": "the softmax normalises along the batch dimension, so the outputs of one example lower those of the "
    "others",
}

PROBLEM = Problem(
    id="examples_mixed",
    kind="wiring",
    title="the output for one example depends on other examples in its batch",
    consequences=frozenset({"no_signal", "unshuffled_data"}),
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
            "use {call} instead of the reshape",
            "each example is then a separate sequence",
            "torch.Tensor.view",
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
    """Report outputs that depend on other examples of the batch because of a known mistake."""
    mixing = record.fact(facts.Mixing)
    if mixing is None or not mixing.share or mixing.by not in SENTENCES or not summary.cost_left > LEFT_TO_LEARN:
        return None
    comes = "time" if mixing.batch_first else "the batch"
    order = f" (batch_first={mixing.batch_first}, but the first dimension is {comes})" if mixing.by in LAYERS else ""
    return FatalDetection(
        certain=False,
        likely=True,
        sentence=f"replacing one of {mixing.examples} examples changes the outputs of {mixing.share:.0%} of the "
        f"others: {SENTENCES[mixing.by]}{order}",
        quantity="share of the other examples whose output changes",
        value=mixing.share,
        bound=0.0,
        source=SOURCE,
        where=record.site(SiteKind.MIXING),
    )
