import pytest

from descend.doctor.remedies.causal_mask import causal_mask

CODE = "import torch.nn.functional as F\ny = F.scaled_dot_product_attention(q, k, v{})\n"


@pytest.mark.parametrize(
    ("given", "after"),
    [
        ("", ", is_causal=True"),
        (", is_causal=False", ", is_causal=True"),
        (", attn_mask=None, dropout_p=0.0, is_causal=False", ", attn_mask=None, dropout_p=0.0, is_causal=True"),
        (", None, 0.1, False", ", None, 0.1, True"),
    ],
)
def test_attention_becomes_causal(patient, given, after):
    assert patient(CODE.format(given), leak="F.scaled_dot_product_attention(").changes(causal_mask) == [
        f"-y = F.scaled_dot_product_attention(q, k, v{given})",
        f"+y = F.scaled_dot_product_attention(q, k, v{after})",
    ]


@pytest.mark.parametrize(
    ("code", "site", "reason"),
    [
        (CODE.format(", attn_mask=m"), "F.scaled_dot_product_attention(", "passes its own mask"),
        (CODE.format(", m"), "F.scaled_dot_product_attention(", "passes its own mask"),
        (CODE.format(", is_causal=True"), "F.scaled_dot_product_attention(", "already"),
        ("y = encoder(x)\n", "encoder(", "only indirectly"),
    ],
)
def test_attention_that_cannot_be_edited_is_refused(patient, code, site, reason):
    assert reason in patient(code, leak=site).refusal(causal_mask)
