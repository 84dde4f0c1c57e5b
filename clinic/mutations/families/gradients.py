"""What reaches the parameters: gradients that are cut, left over, clipped away, or of another network."""

import ast
from collections.abc import Iterator

from mutations.mutant import Operator, after_model, beside, dropped, in_forward, rewritten
from mutations.script import OPTIMIZERS, Edit, Script

QUESTION = "public questions"
TAXONOMY = "Humbatova et al. 2020, training process"


def _parameters(template: str):
    """Give the optimizer something else in the place of `model.parameters()`."""

    def sites(script: Script) -> Iterator[Edit]:
        for call in script.calls(*OPTIMIZERS):
            for given in call.args[:1]:
                if (
                    isinstance(given, ast.Call)
                    and isinstance(given.func, ast.Attribute)
                    and given.func.attr == "parameters"
                ):
                    yield script.replaced(
                        given, template.format(model=script.code(given.func.value), all=script.code(given))
                    )

    return sites


def _detached(script: Script, node: ast.AST) -> Edit | None:
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        return script.replaced(node.value, f"{script.code(node.value)}.detach()")
    return None


OPERATORS = (
    Operator("not_cleared", dropped(("zero_grad",)), QUESTION),
    Operator("not_stepped", dropped(("step",)), QUESTION),
    Operator("not_computed", dropped(("backward",)), QUESTION),
    Operator("cleared_before_the_step", beside(("backward",), "{optimizer}.zero_grad()"), QUESTION),
    Operator("computed_anew", rewritten(("backward",), "{of}.detach().requires_grad_().backward()"), QUESTION, "cut"),
    Operator(
        "computed_twice",
        beside(("backward",), "[p.grad.mul_(50) for p in {model}.parameters() if p.grad is not None]"),
        TAXONOMY,
        "50",
    ),
    Operator(
        "turned_gradients",
        beside(("backward",), "[p.grad.neg_() for p in {model}.parameters() if p.grad is not None]"),
        TAXONOMY,
        "sign",
    ),
    Operator(
        "signs_alone",
        beside(("backward",), "[p.grad.sign_() for p in {model}.parameters() if p.grad is not None]"),
        TAXONOMY,
    ),
    Operator(
        "noisy_gradients",
        beside(("backward",), "[p.grad.add_(torch.randn_like(p)) for p in {model}.parameters() if p.grad is not None]"),
        TAXONOMY,
        "1",
    ),
    Operator(
        "clipped_away",
        beside(("backward",), "torch.nn.utils.clip_grad_norm_({model}.parameters(), 1e-5)"),
        "DeepCrime OCG",
        "1e-5",
    ),
    Operator(
        "clipped_by_value",
        beside(("backward",), "torch.nn.utils.clip_grad_value_({model}.parameters(), 1e-6)"),
        "DeepCrime OCG",
        "1e-6",
    ),
    Operator(
        "first_layers_frozen",
        after_model("[p.requires_grad_(False) for p in list({model}.parameters())[:-2]]"),
        QUESTION,
    ),
    Operator("detached_within", in_forward(_detached), QUESTION, "cut"),
    Operator("last_parameter_alone", _parameters("list({all})[-1:]"), QUESTION),
    Operator("first_layer_left_out", _parameters("list({all})[2:]"), QUESTION),
    Operator("parameters_of_a_copy", _parameters('__import__("copy").deepcopy({model}).parameters()'), QUESTION),
)
