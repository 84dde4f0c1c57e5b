"""What the network is given: its scale, noise, order, and what it is augmented by."""

import ast
from collections.abc import Iterator

from mutations.mutant import Operator, input_of_model
from mutations.script import Edit, Script

TAXONOMY = "Humbatova et al. 2020, preprocessing"
NORMALISING = {"mean", "std", "fit_transform", "max", "min", "norm", "normalize"}


def _not_normalised(script: Script) -> Iterator[Edit]:
    """Of `x = (x - x.mean()) / x.std()` leave what was there before."""
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
            called = {
                n.func.attr
                for n in ast.walk(node.value)
                if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
            }
            if isinstance(node.value.op, ast.Div | ast.Sub) and called & NORMALISING and _is_of_itself(node):
                yield script.without(node)


def _constant_divisor_left_out(script: Script) -> Iterator[Edit]:
    for node in ast.walk(script.tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.Constant):
            if isinstance(node.right.value, float | int) and node.right.value >= 8:
                yield script.replaced(node, script.code(node.left))


def _is_of_itself(node: ast.Assign) -> bool:
    names = {ast.unparse(target) for target in node.targets}
    return any(isinstance(each, ast.Name) and each.id in names for each in ast.walk(node.value))


OPERATORS = (
    Operator("not_normalised", _not_normalised, TAXONOMY),
    Operator("not_divided", _constant_divisor_left_out, TAXONOMY),
    Operator("inputs_large", input_of_model("{} * 100"), TAXONOMY, "100"),
    Operator("inputs_small", input_of_model("{} * 1e-4"), TAXONOMY, "1e-4"),
    Operator("inputs_off_centre", input_of_model("{} + 100"), TAXONOMY, "100"),
    Operator("inputs_noisy", input_of_model("{0} + 3 * torch.randn_like({0})"), "DeepCrime TAN", "3"),
    Operator("inputs_blank", input_of_model("{} * 0"), TAXONOMY, "all"),
    Operator("inputs_shuffled", input_of_model("{0}[torch.randperm(len({0}))]"), "data reordered without its partner"),
    Operator("inputs_of_the_neighbour", input_of_model("{}.roll(1, 0)"), "data reordered without its partner"),
    Operator("inputs_mirrored", input_of_model("{}.flip(-1)"), "augmented in training alone"),
    Operator("inputs_moved", input_of_model("{}.roll(3, -1)"), "augmented in training alone", "3"),
    Operator("inputs_rounded", input_of_model("{}.round()"), TAXONOMY, "integers"),
)
