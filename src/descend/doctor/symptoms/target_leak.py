"""Target leak: the network predicts the next element of a sequence and can see it."""

from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign

SOURCE = "Vaswani et al. 2017, §3.2.3: masking keeps position i from attending to positions after i"
ATTENTION = ("MultiheadAttention", "scaled_dot_product_attention", "multi_head_attention_forward")


def target_leak(record: Record) -> Sign | None:
    """Targets that are the inputs one element later, and outputs that change with the last element before it."""
    leak = record.fact(facts.TargetLeak)
    if leak is None or not leak.sees:
        return None
    where = record.site("leak")
    is_attention = where is not None and where.detail in ATTENTION
    hiding = "a causal mask (is_causal=True with its mask)" if is_attention else "bidirectional=False"
    cure = f"; {hiding} hides them" if where is not None else ""
    return Ruin(
        certain=True,
        sentence="each target is the next element of the inputs, and what the network says of an element changes with "
        f"those after it: it copies the answer, and its loss says nothing of how it predicts{cure}",
        quantity="elements that each prediction sees",
        value=float(leak.length),
        bound=1.0,
        source=SOURCE,
        where=where or record.site("model"),
    )
