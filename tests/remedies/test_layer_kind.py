"""Whether an expression of a script constructs a module or a parameter."""

import libcst as cst
import pytest

from descend.doctor.codemod.model_class import layer_kind
from descend.doctor.codemod.syntax import parse

HEAD = """
from torch import nn

def make(n):
    return nn.Linear(n, n) if n else None

def again(n):
    return again(n - 1) if n else list.again(n)

def other(n):
    return nn.ReLU() if n > 3 else other(n + 1)

x = """


@pytest.mark.parametrize(
    ("code", "kind"),
    [("make(3)", "Module"), ("other(1)", "Module"), ("again(3)", ""), ("nn.Parameter(w)", "Parameter"), ("len(w)", "")],
)
def test_a_value_is_followed_through_functions_that_may_call_themselves(tmp_path, code, kind):
    syntax = parse(tmp_path / "train.py", f"{HEAD}{code}\n")
    assign = syntax.every(cst.Assign)[-1]
    assert layer_kind(syntax, assign.value) == kind
