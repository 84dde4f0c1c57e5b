"""What is asked for: signs, factors, terms and arguments of losses, written out or called."""

import ast
from collections.abc import Iterator

from mutations.mutant import (
    BINARY,
    CLASSES,
    REAL,
    Operator,
    argument,
    exchanged,
    objective,
    renamed,
    rewritten,
    wrapped,
)
from mutations.script import Edit, Script

ANY = (*CLASSES, *BINARY, *REAL, "kl_div", "triplet_margin_loss")
TAXONOMY = "Humbatova et al. 2020, wrong loss function calculation"
QUESTION = "public questions"
F = "torch.nn.functional"


def _minus_for_plus(script: Script, value: ast.expr) -> Iterator[Edit]:
    for node in ast.walk(value):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            yield script.replaced(node, f"{script.code(node.left)} - ({script.code(node.right)})")


def _term_left_out(script: Script, value: ast.expr) -> Iterator[Edit]:
    for node in ast.walk(value):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            yield script.replaced(node, script.code(node.left))


def _sum_for_difference(script: Script, value: ast.expr) -> Iterator[Edit]:
    for node in ast.walk(value):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            yield script.replaced(node, f"{script.code(node.left)} + {script.code(node.right)}")


def _factor(times: float):
    def sites(script: Script, value: ast.expr) -> Iterator[Edit]:
        for node in ast.walk(value):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
                for side in (node.left, node.right):
                    if isinstance(side, ast.Constant) and isinstance(side.value, float | int):
                        yield script.replaced(side, f"{side.value * times:g}")

    return sites


def _power(script: Script, value: ast.expr) -> Iterator[Edit]:
    for node in ast.walk(value):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            yield script.replaced(node.right, "1")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("square", "abs"):
            yield script.replaced(node, script.code(node.func.value))


def _reduced(script: Script, value: ast.expr) -> Iterator[Edit]:
    other = {"mean": "sum", "sum": "mean"}
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in other:
            begin = script.end(node.func) - len(node.func.attr)
            yield Edit(begin, script.end(node.func), other[node.func.attr], script.replaced(value, "").lines)


ONE_HOT = f"{F}.one_hot({{1}}, {{0}}.shape[-1]).float()"

OPERATORS = (
    Operator("turned_loss", rewritten(("backward",), "(-{of}).backward()"), TAXONOMY, "sign"),
    Operator("tiny_loss", rewritten(("backward",), "({of} * 1e-5).backward()"), TAXONOMY, "1e-5"),
    Operator("huge_loss", rewritten(("backward",), "({of} * 1e4).backward()"), TAXONOMY, "1e4"),
    Operator("squared_loss", rewritten(("backward",), "({of} ** 2).backward()"), TAXONOMY),
    Operator("turned_term", objective(_minus_for_plus), TAXONOMY, "sign"),
    Operator("term_left_out", objective(_term_left_out), TAXONOMY),
    Operator("sum_for_difference", objective(_sum_for_difference), TAXONOMY, "sign"),
    Operator("large_term", objective(_factor(100.0)), TAXONOMY, "100"),
    Operator("small_term", objective(_factor(0.001)), TAXONOMY, "0.001"),
    Operator("power_left_out", objective(_power), TAXONOMY),
    Operator("other_reduction", objective(_reduced), QUESTION),
    Operator("summed", argument("reduction", '"sum"', ANY), QUESTION),
    Operator("arguments_exchanged", exchanged(("triplet_margin_loss",), 1, 2), TAXONOMY),
    Operator("divergence_turned", exchanged(("kl_div",)), QUESTION),
    Operator("softmax_before", wrapped(CLASSES, "{}.softmax(-1)"), QUESTION),
    Operator("sigmoid_before", wrapped((*CLASSES, *BINARY[1:]), "{}.sigmoid()"), QUESTION),
    Operator(
        "rectified_before", wrapped(ANY, "{}.relu()"), "Humbatova et al. 2020, wrong activation of the last layer"
    ),
    Operator("log_left_out", renamed(("log_softmax",), "softmax"), QUESTION),
    Operator("logits_for_probabilities", renamed(("binary_cross_entropy_with_logits",), "mse_loss"), "DeepCrime LCH"),
    Operator(
        "squares_for_classes",
        rewritten(("cross_entropy",), f"{F}.mse_loss({{0}}.softmax(-1), {ONE_HOT})"),
        "DeepCrime LCH",
    ),
    Operator("absolute_for_squares", renamed(("mse_loss",), "l1_loss"), "DeepCrime LCH"),
    Operator("flattened_output", wrapped(REAL, "{}.flatten()[:, None]"), QUESTION, "broadcasting"),
    Operator(
        "margin_turned", argument("margin", "-1.0", ("triplet_margin_loss", "margin_ranking_loss")), TAXONOMY, "sign"
    ),
)
