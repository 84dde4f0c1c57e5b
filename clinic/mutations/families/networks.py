"""What can be learnt at all: activations, initial weights, normalisation, paths and heads of the network."""

import ast

from mutations.mutant import Operator, after_model, argument, in_forward, renamed, rewritten
from mutations.script import Edit, Script

RECTIFIERS = ("ReLU", "GELU", "SiLU", "ELU", "LeakyReLU", "Tanh")
CALLED = ("relu", "gelu", "silu", "elu", "leaky_relu", "tanh")
NORMS = ("BatchNorm1d", "BatchNorm2d", "LayerNorm", "GroupNorm")
LAYERS = ("Linear", "Conv1d", "Conv2d")
QUESTION = "public questions"


def _returned(template: str):
    def change(script: Script, node: ast.AST) -> Edit | None:
        if isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Tuple):
            return script.replaced(node.value, template.format(script.code(node.value)))
        return None

    return change


def _path_left_out(script: Script, node: ast.AST) -> Edit | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and isinstance(node.left, ast.Name):
        return script.replaced(node, script.code(node.right))
    return None


INIT = "[torch.nn.init.{}(p{}) for p in {{model}}.parameters()]"

OPERATORS = (
    Operator("activation_left_out", renamed(RECTIFIERS, "Identity"), "DeepCrime ARM"),
    Operator("function_left_out", rewritten(CALLED, "{0}"), "DeepCrime ARM"),
    Operator("sigmoid_within", renamed(RECTIFIERS, "Sigmoid"), "DeepCrime ACH"),
    Operator("hard_threshold_within", renamed(CALLED, "sign"), "DeepCrime ACH"),
    Operator("softmax_within", rewritten(RECTIFIERS, "torch.nn.Softmax(-1)"), "DeepCrime ACH"),
    Operator("all_zero", after_model(INIT.format("zeros_", "")), "DeepCrime WCI", "0"),
    Operator("all_alike", after_model(INIT.format("constant_", ", 0.1")), "DeepCrime WCI", "0.1"),
    Operator("large_weights", after_model("[p.data.mul_(20) for p in {model}.parameters()]"), "DeepCrime WCI", "20"),
    Operator(
        "small_weights", after_model("[p.data.mul_(0.01) for p in {model}.parameters()]"), "DeepCrime WCI", "0.01"
    ),
    Operator(
        "negative_weights",
        after_model("[p.data.abs_().neg_() for p in {model}.parameters()]"),
        "DeepCrime WCI",
        "sign",
    ),
    Operator(
        "biases_of_minus_ten",
        after_model("[p.data.fill_(-10) for p in {model}.parameters() if p.dim() == 1]"),
        "DeepCrime WCI",
        "-10",
    ),
    Operator("without_bias", argument("bias", "False", LAYERS), "DeepCrime WRB"),
    Operator(
        "much_dropout",
        rewritten(("Dropout", "Dropout1d", "Dropout2d"), "torch.nn.Dropout(0.97)"),
        "DeepCrime RCD",
        "0.97",
    ),
    Operator("not_normalised_within", renamed(NORMS, "Identity"), "Humbatova et al. 2020, missing layer"),
    Operator("sigmoid_at_the_end", in_forward(_returned("({}).sigmoid()")), "DeepCrime AAL"),
    Operator("tanh_at_the_end", in_forward(_returned("({}).tanh()")), "DeepCrime AAL"),
    Operator("rectified_at_the_end", in_forward(_returned("({}).relu()")), "DeepCrime AAL"),
    Operator("softmax_at_the_end", in_forward(_returned("({}).softmax(-1)")), QUESTION),
    Operator(
        "constant_at_the_end",
        in_forward(_returned("({0}) * 0 + ({0}).mean(0, keepdim=True)")),
        QUESTION,
        "examples mixed",
    ),
    Operator("path_left_out", in_forward(_path_left_out), QUESTION),
)
