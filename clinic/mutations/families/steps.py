"""How far and how often it steps: rates, momentum, decay, schedules, batches and their number."""

import ast
from collections.abc import Iterator

from mutations.mutant import Operator, argument, beside, number, renamed
from mutations.script import Edit, Script

ADAPTIVE = ("Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad")
PLAIN = ("SGD",)
LOADER = ("DataLoader",)
QUESTION = "public questions"


def _fewer(script: Script) -> Iterator[Edit]:
    for node in ast.walk(script.tree):
        if isinstance(node, ast.For) and isinstance(node.iter, ast.Call) and ast.unparse(node.iter.func) == "range":
            last = node.iter.args[min(1, len(node.iter.args) - 1)]
            if any(isinstance(each, ast.Call) and ast.unparse(each.func).endswith("step") for each in ast.walk(node)):
                yield script.replaced(last, f"max(1, ({script.code(last)}) // 10)")


OPERATORS = (
    Operator("rate_times_1000", number("lr", lambda lr: lr * 1000), "DeepCrime HLR", "1000"),
    Operator("rate_times_30", number("lr", lambda lr: lr * 30), "DeepCrime HLR", "30"),
    Operator("rate_over_30", number("lr", lambda lr: lr / 30), "DeepCrime HLR", "1/30"),
    Operator("rate_over_1000", number("lr", lambda lr: lr / 1000), "DeepCrime HLR", "1/1000"),
    Operator("momentum_near_one", argument("momentum", "0.999", PLAIN), QUESTION, "0.999"),
    Operator("forgetful_moments", argument("betas", "(0.0, 0.1)", ADAPTIVE[:4]), QUESTION),
    Operator("endless_moments", argument("betas", "(0.999, 0.999999)", ADAPTIVE[:2]), QUESTION),
    Operator("large_eps", argument("eps", "1.0", ADAPTIVE), QUESTION, "1"),
    Operator("strong_decay", argument("weight_decay", "1.0"), "DeepCrime RCW", "1"),
    Operator("maximised", argument("maximize", "True", (*PLAIN, *ADAPTIVE[:2])), QUESTION, "sign"),
    Operator("plain_descent", renamed(ADAPTIVE, "SGD"), "DeepCrime OCH"),
    Operator("adaptive_rule", renamed(PLAIN, "Adam"), "DeepCrime OCH"),
    Operator(
        "rate_that_fades",
        beside(("step",), "[g.update(lr=g['lr'] * 0.8) for g in {optimizer}.param_groups]"),
        QUESTION,
        "0.8",
    ),
    Operator(
        "rate_that_grows",
        beside(("step",), "[g.update(lr=g['lr'] * 1.05) for g in {optimizer}.param_groups]"),
        QUESTION,
        "1.05",
    ),
    Operator("few_passes", _fewer, "DeepCrime HNE", "1/10"),
    Operator("batches_of_two", argument("batch_size", "2", LOADER), "DeepCrime HBS", "2"),
    Operator("batches_of_all", argument("batch_size", "100000", LOADER), "DeepCrime HDB", "all"),
)
