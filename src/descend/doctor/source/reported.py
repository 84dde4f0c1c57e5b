"""The loss that a loop adds up and reports for each example, kept what it is when a sum becomes a mean or a mean a sum.

for x, y in loader:
    loss = criterion(model(x), y)          # the sum of the batch; or its mean,
    loss.backward()
    total += loss.item()                   # and then it reads `loss.item() * len(y)`
print(total / len(x_train))
"""

import re

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.bindings import loops_around, nearest_binding
from descend.doctor.source.functions import home_of
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.syntax import Syntax, last_name


def reported_as_before(script: Script, record: Record, *, is_mean: bool) -> Script:
    """Return the script, in which the loss has just become a mean, or a sum, with the totals of the loop as they were.

    Only totals that are divided by a number of examples, in the loop of the backward pass.
    """
    backward = locate(script, record, "backward")
    if not isinstance(backward, Place) or not isinstance(backward.call.func, cst.Attribute):
        return script
    syntax, loss = backward.syntax, backward.call.func.value
    bound = nearest_binding(syntax, syntax.code(loss), backward.call)
    made = bound.value if bound is not None else None
    plain = [a.value for a in made.args if a.keyword is None] if isinstance(made, cst.Call) else []
    changes: dict[cst.CSTNode, cst.CSTNode] = {}
    for loop in loops_around(syntax, backward.call)[-1:]:
        for added in syntax.every(cst.AugAssign, loop):
            if isinstance(added.operator, cst.AddAssign) and _is_of_examples(syntax, added.target, loop):
                value = added.value
                if is_mean and len(plain) > 1 and _tells(syntax, value, loss):
                    changes[value] = cst.parse_expression(f"{syntax.code(value)} * len({syntax.code(plain[-1])})")
                elif not is_mean and (alone := _without_length(syntax, value, loss)) is not None:
                    changes[value] = alone
    return script.edit(syntax.file, syntax.replace_all(changes)) if changes else script


def _tells(syntax: Syntax, value: cst.BaseExpression, loss: cst.BaseExpression) -> bool:
    name = syntax.code(loss)
    return syntax.code(value) in {f"{name}.item()", f"{name}.detach().item()", f"float({name})"}


def _without_length(syntax: Syntax, value: cst.BaseExpression, loss: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return `loss.item()` of `loss.item() * len(x)`, or None."""
    if not isinstance(value, cst.BinaryOperation) or not isinstance(value.operator, cst.Multiply):
        return None
    for told, length in ((value.left, value.right), (value.right, value.left)):
        if _tells(syntax, told, loss) and (
            _is_length(length) or syntax.code(length).endswith((".size(0)", ".shape[0]"))
        ):
            return told
    return None


def _is_of_examples(syntax: Syntax, total: cst.BaseExpression, loop: cst.CSTNode) -> bool:
    """Whether the total is divided by the length of anything but what the loop runs over: that counts batches."""
    name, over = syntax.code(total), syntax.code(loop.iter) if isinstance(loop, cst.For) else ""
    quotients = [
        q
        for q in syntax.every(cst.BinaryOperation, home_of(syntax, loop))
        if isinstance(q.operator, cst.Divide) and syntax.code(q.left) == name
    ]
    lengths = [cst.ensure_type(q.right, cst.Call) for q in quotients if _is_length(q.right)]
    return bool(lengths) and not any(_runs_over(over, syntax.code(n.args[0].value)) for n in lengths)


def _runs_over(over: str, whole: str) -> bool:
    """Whether a loop over `enumerate(loader)`, but not one over `torch.randperm(len(x))`, runs over `whole`."""
    return over == whole or bool(re.search(rf"[(,] *{re.escape(whole)}[,)]", over.replace(f"len({whole})", "")))


def _is_length(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and last_name(node.func) == "len" and len(node.args) == 1
