"""Examples mixed: the output for one example depends on the other examples in its batch."""

from descend.doctor.course.progress import LEFT_TO_LEARN, cost_left
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign

SOURCE = "torch.nn.LSTM, MultiheadAttention: the first dimension is time unless batch_first; torch.Tensor.view"
LAYERS = frozenset({"recurrence", "attention"})  # that take `batch_first`
SENTENCES = {
    "recurrence": "the layer reads the batch as if it were time, and each example as a step after the last one",
    "attention": "the examples of a batch attend to each other as if they were one sequence",
    "reshape": "view and reshape keep the order of the values: from (N, T, …) to (T, N, …) they cut the examples up; "
    "transpose(0, 1) exchanges the dimensions",
    "softmax": "the softmax is taken along the batch, so that its examples compete with each other",
}


def examples_mixed(record: Record) -> Sign | None:
    """Outputs that change when another example of the batch does, by a known mistake, and much of the cost is left."""
    mixing = record.fact(facts.Mixing)
    if mixing is None or not mixing.share or mixing.by not in SENTENCES or not cost_left(record) > LEFT_TO_LEARN:
        return None
    comes = "time" if mixing.batch_first else "the batch"
    order = f" (batch_first={mixing.batch_first}, and {comes} comes first)" if mixing.by in LAYERS else ""
    return Ruin(
        certain=False,
        likely=True,
        sentence=f"when one of {mixing.examples} examples is exchanged, the outputs for {mixing.share:.0%} of the "
        f"others change: {SENTENCES[mixing.by]}{order}",
        quantity="share of the other outputs that change",
        value=mixing.share,
        bound=0.0,
        source=SOURCE,
        where=record.site("mixing"),
    )
