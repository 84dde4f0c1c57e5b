"""The remedy that draws the index of a batch from all rows of the data."""

import pytest
from test_same_rows import with_taken

from descend.doctor.remedies.draw_all_rows import draw_all_rows


@pytest.mark.parametrize(
    ("before", "draw", "drawn", "after"),
    [
        ("x = X[torch.randint(8, (8,))]", "torch.randint(8, (8,))", None, "x = X[torch.randint(len(X), (8,))]"),
        (
            "r = torch.randint(0, 8, (8,))\nx = d.x[r]",
            "torch.randint(0, 8, (8,))",
            "d.x[r]",
            "randint(0, len(d.x), (8,))",
        ),
        (
            "r = torch.randint(high=8, size=(8,))\nx = X[r]",
            "torch.randint(high=8, size=(8,))",
            "X[r]",
            "high=len(X), size",
        ),
        ("r = torch.randperm(8)\nx = X[r]", "torch.randperm(8)", "X[r]", "r = torch.randperm(len(X))"),
    ],
)
def test_the_index_is_drawn_from_all_rows(patient, before, draw, drawn, after):
    p = with_taken(patient, before + "\n", draw=draw, drawn=drawn or f"X[{draw}]")
    assert after in p.edited(draw_all_rows)


def test_other_draws_are_refused(patient):
    p = with_taken(patient, "r = torch.multinomial(w, 8)\nx = X[r]\n", draw="torch.multinomial(w, 8)", drawn="X[r]")
    assert "does not draw whole numbers" in p.refusal(draw_all_rows)
    text = "r = torch.randint(8, (8,))\ndef take():\n    return X[r]\n"
    p = with_taken(patient, text, draw="torch.randint(8, (8,))", drawn="X[r]")
    assert "another function" in p.refusal(draw_all_rows)
