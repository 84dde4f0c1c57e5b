import pytest

from descend.doctor.remedies.turn_mask import turn_mask

TEXT = "import torch\nmask = {}\n"


@pytest.mark.parametrize(
    ("mask", "after"),
    [
        ("x != PAD", "x == PAD"),
        ("x == PAD", "x != PAD"),
        ("i < lengths[:, None]", "i >= lengths[:, None]"),
        ("i > j", "i <= j"),
        ("~seen", "seen"),
        ("self.mask[:T, :T]", "~self.mask[:T, :T]"),
        ("torch.tril(ones).bool()", "~torch.tril(ones).bool()"),
        ("a & b", "~(a & b)"),
    ],
)
def test_the_mask_is_inverted(pointed_at, mask, after):
    known = pointed_at(TEXT.format(mask), mask)
    assert known.edited(turn_mask, kind="on_loss", place="0") == TEXT.format(after)


def test_a_mask_made_elsewhere_is_refused(pointed_at):
    assert "does not contain the mask" in pointed_at(TEXT.format("seen"), "seen").refusal(
        turn_mask, kind="on_loss", place="0"
    )
