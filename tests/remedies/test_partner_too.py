"""A statement that reorders one of several arrays is applied to the others as well."""

from pathlib import Path

import libcst as cst
import pytest

from descend.doctor.codemod.parallel_arrays import unchanged_partners
from descend.doctor.codemod.syntax import parse
from descend.doctor.remedies.partner_too import partner_too

AT = {"kind": "on_loss", "place": "0"}
MOVED = [  # source, reordered array, its partner, inserted statement
    ("x = x[order]", "x", "y", "y = y[order]"),
    ("x, t = x[order], t[order]", "x", "y", "y = y[order]"),
    ("x = flip(x, x=1, dims=(x.x,))", "x", "mask", "mask = flip(mask, x=1, dims=(mask.x,))"),
    ("x = x.flip(-1)", "x", "y", "y = y.flip(-1)"),
]


@pytest.mark.parametrize(("before", "name", "partner", "added"), MOVED)
def test_the_partner_is_reordered_like_the_array(pointed_at, before, name, partner, added):
    edited = pointed_at(f"{before}\nnet(x)\n", before).edited(partner_too, **AT, moved=name, partner=partner)
    assert edited == f"{before}\n{added}\nnet(x)\n"


def test_a_statement_without_reordering_is_not_applied_to_the_partner(pointed_at):
    refusal = pointed_at("x = x / 2\n", "x / 2").refusal(partner_too, **AT, moved="x", partner="y")
    assert "does not reorder x in a way that can be copied" in refusal


TEXT = """x, kind, y, path = load()
x, kind = x[order], kind[order]
x = x / 2


class Pictures:
    def __getitem__(self, i, where):
        image, mask = self.images[i], self.masks[i]
        image = flip(image)
        where = where.copy()
        mask = flip(mask)
        for a, b in pairs:
            b = b[0]


image = image[0]
"""


@pytest.mark.parametrize(
    ("line", "name", "found"),
    [
        (2, "x", ["y", "path"]),
        (3, "x", []),
        (9, "image", []),
        (10, "where", ["i"]),
        (13, "b", ["a"]),
        (16, "image", []),
    ],
)
def test_partners_are_bound_in_one_statement(tmp_path, line, name, found):
    syntax = parse(Path(tmp_path / "train.py"), TEXT)
    [statement] = [s for s in syntax.every(cst.Assign) if syntax.line(s) == line]
    assert unchanged_partners(syntax, statement, name) == found


CONVERTED = """x, y, w, z = load()
x = {moved}
y = torch.tensor(y)
w, _ = w[keep], 0
net(x)
"""
MOVES = {  # a statement, and the partner variables that it leaves out
    "(x - 1) / 2": [],
    "torch.tensor((x - 1) / 2)": ["z"],
    "scaler.transform(x)": ["z"],
    "torch.tensor(x[order])": ["w", "y", "z"],
    "torch.flip(x, [1])": ["w", "y", "z"],
}


@pytest.mark.parametrize("moved", MOVES)
def test_a_partner_with_its_own_transformation_is_not_reported(moved):
    syntax = parse(Path("train.py"), CONVERTED.format(moved=moved))
    statement = next(a for a in syntax.every(cst.Assign) if syntax.line(a) == 2)
    assert sorted(unchanged_partners(syntax, statement, "x")) == MOVES[moved]
