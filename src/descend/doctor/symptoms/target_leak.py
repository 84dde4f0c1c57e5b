"""Target leak: the network predicts the next element of a sequence and can see it.

A sequence model should learn p(x_t | x_1, …, x_{t−1}). If its inputs contain x_t, copying it makes the loss almost 0,
and nothing else is learned. At generation time x_t is unknown, so the outputs are useless.
"""

from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry, entries_for_places

SOURCE = "Vaswani et al. 2017, §3.2.3: masking prevents position i from attending to later positions"
ATTENTION = ("MultiheadAttention", "scaled_dot_product_attention", "multi_head_attention_forward")

PROBLEM = Problem(
    id="target_leak",
    kind="wiring",
    title="the network sees its own target",
    remedies=(
        RemedyEntry(
            "causal_mask",
            only_optimizer,
            "set is_causal=True in the attention",
            "each element is then predicted from earlier elements only",
            "Vaswani et al. 2017, §3.2.3",
            cost=1,
            judged_on="nothing",
        ),
        *entries_for_places(
            "turn_mask",
            (facts.OnInputs, "invert", phrases.CALLS_TRIED),
            phrases.INVERT_MASK,
            phrases.FUTURE_IS_HIDDEN,
            cost=1,
        ),
    ),
    flatters=True,
    advice="Hide the later elements: use a causal mask for attention (`is_causal=True`, with the mask of "
    "`torch.nn.Transformer.generate_square_subsequent_mask`) or a recurrent layer with "
    "`bidirectional=False`. The training loss will rise, because it then measures prediction.",
    example=CodeExample(
        faulty=(
            "inputs, targets = tokens[:, :-1], tokens[:, 1:]\n"
            "layer = nn.TransformerEncoderLayer(d_model=8, nhead=2, batch_first=True)\n"
            "hidden = layer(embedding(inputs))  # each position sees the next token"
        ),
        fixed=(
            "inputs, targets = tokens[:, :-1], tokens[:, 1:]\n"
            "layer = nn.TransformerEncoderLayer(d_model=8, nhead=2, batch_first=True)\n"
            "mask = nn.Transformer.generate_square_subsequent_mask(inputs.shape[1])\n"
            "hidden = layer(embedding(inputs), src_mask=mask, is_causal=True)"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report outputs that depend on the very sequence element that they should predict."""
    leak = record.fact(facts.TargetLeak)
    if leak is None or not leak.sees:
        return None
    where = record.site(SiteKind.LEAK)
    is_attention = where is not None and where.detail in ATTENTION
    hiding = (
        "a causal mask (is_causal=True, for nn.MultiheadAttention together with attn_mask)"
        if is_attention
        else "bidirectional=False"
    )
    fix = f"; {hiding} hides them" if where is not None else ""
    return FatalDetection(
        certain=True,
        sentence="each target is the next element of the input sequence, but each output also depends on later "
        f"elements: the network can copy the target, and its loss does not measure prediction{fix}",
        quantity="elements that each prediction sees",
        value=float(leak.length),
        bound=1.0,
        source=SOURCE,
        where=where or record.site(SiteKind.MODEL),
    )
