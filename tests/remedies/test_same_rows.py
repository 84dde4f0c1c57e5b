"""Remedies that pair inputs with their targets again."""

import ast

import pytest

from descend.doctor.record import Site
from descend.doctor.remedies.same_rows import same_rows
from descend.doctor.remedies.shift_once import shift_once

LOOP = "for rows in order.split(8):\n    "


def with_taken(patient, text: str, **expressions: str):
    """Return a patient whose run recorded expressions as places that take rows."""
    p = patient(text)
    for key, code in expressions.items():
        node = next(n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.expr) and ast.unparse(n) == code)
        place = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        p.record.sites.append(Site("taken_rows", key, str(p.script.path), *place, detail="roll"))
    return p


@pytest.mark.parametrize(
    ("before", "targets", "after"),
    [
        ("x, y = X[rows], Y[:len(rows)]", "Y[:len(rows)]", "x, y = X[rows], Y[rows]"),
        ("step(net(X[rows]), data.y[other])", "data.y[other]", "step(net(X[rows]), data.y[rows])"),
    ],
)
def test_the_targets_get_the_index_of_the_inputs(patient, before, targets, after):
    p = with_taken(patient, f"{LOOP}{before}\n", inputs="X[rows]", targets=targets)
    assert p.edited(same_rows) == f"{LOOP}{after}\n"


def test_an_index_of_another_function_or_of_another_value_is_refused(patient):
    text = "def take(rows):\n    return X[rows]\ny = Y[:8]\n"
    assert "another function" in with_taken(patient, text, inputs="X[rows]", targets="Y[:8]").refusal(same_rows)
    text = "x = X[rows]\nrows = draw()\ny = Y[rows]\n"
    assert "the same index" in with_taken(patient, text, inputs="X[rows]", targets="Y[rows]").refusal(same_rows)
    assert "did not show where the inputs" in patient(text).refusal(same_rows)


def test_the_second_shift_is_removed(patient):
    p = with_taken(patient, "y = tokens[:, 1:].roll(-1, 1)\n", shift="tokens[:, 1:].roll(-1, 1)")
    assert p.edited(shift_once) == "y = tokens[:, 1:]\n"
