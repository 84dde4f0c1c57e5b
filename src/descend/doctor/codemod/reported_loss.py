"""Keep the loss per example that a loop reports unchanged if an edit turns the loss from a sum into a mean, or back.

for x, y in loader:
    loss = criterion(model(x), y)          # the sum over the batch, or its mean
    loss.backward()
    total += loss.item()                   # for a mean: loss.item() * len(y)
print(total / len(x_train))
"""

import re

import libcst as cst

from descend.doctor.codemod.bindings import loops_around, nearest_binding
from descend.doctor.codemod.functions import enclosing_scope
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.not_applicable import if_applicable
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script


def keep_reported_loss(script: Script, record: Record, *, is_mean: bool) -> Script:
    """Return the script with its loss totals corrected after the loss was changed to a mean (`is_mean`) or a sum.

    Only totals in the loop of the backward pass that are divided by a number of examples are edited.
    """
    backward = if_applicable(locate, script, record, SiteKind.BACKWARD)
    if backward is None or not isinstance(backward.call.func, cst.Attribute):
        return script
    syntax, loss = backward.syntax, backward.call.func.value
    bound = nearest_binding(syntax, syntax.code(loss), backward.call)
    made = bound.value if bound is not None else None
    plain = [a.value for a in made.args if a.keyword is None] if isinstance(made, cst.Call) else []
    changes: dict[cst.CSTNode, cst.CSTNode] = {}
    for loop in loops_around(syntax, backward.call)[-1:]:
        for added in syntax.every(cst.AugAssign, loop):
            if isinstance(added.operator, cst.AddAssign) and _is_divided_by_example_count(syntax, added.target, loop):
                value = added.value
                if is_mean and len(plain) > 1 and _is_loss_number(syntax, value, loss):
                    changes[value] = cst.parse_expression(f"{syntax.code(value)} * len({syntax.code(plain[-1])})")
                elif not is_mean and (alone := _without_length(syntax, value, loss)) is not None:
                    changes[value] = alone
    return script.edit(syntax.file, syntax.replace_all(changes)) if changes else script


def _is_loss_number(syntax: Syntax, value: cst.BaseExpression, loss: cst.BaseExpression) -> bool:
    """Return whether an expression is the loss as a Python number, such as ``loss.item()``."""
    name = syntax.code(loss)
    return syntax.code(value) in {f"{name}.item()", f"{name}.detach().item()", f"float({name})"}


def _without_length(syntax: Syntax, value: cst.BaseExpression, loss: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return ``loss.item()`` for ``loss.item() * len(x)``; None for other expressions."""
    if not isinstance(value, cst.BinaryOperation) or not isinstance(value.operator, cst.Multiply):
        return None
    for number, length in ((value.left, value.right), (value.right, value.left)):
        if _is_loss_number(syntax, number, loss) and (
            _is_length(length) or syntax.code(length).endswith((".size(0)", ".shape[0]"))
        ):
            return number
    return None


def _is_divided_by_example_count(syntax: Syntax, total: cst.BaseExpression, loop: cst.CSTNode) -> bool:
    """Return whether the file divides the total by a number of examples, not of batches."""
    name, over = syntax.code(total), syntax.code(loop.iter) if isinstance(loop, cst.For) else ""
    quotients = [
        q
        for q in syntax.every(cst.BinaryOperation, enclosing_scope(syntax, loop))
        if isinstance(q.operator, cst.Divide) and syntax.code(q.left) == name
    ]
    lengths = [cst.ensure_type(q.right, cst.Call) for q in quotients if _is_length(q.right)]
    return bool(lengths) and not any(_iterates_over(over, syntax.code(n.args[0].value)) for n in lengths)


def _iterates_over(over: str, whole: str) -> bool:
    """Return whether the iterable `over` of a loop gives the elements of `whole`, as ``enumerate(loader)`` does."""
    return over == whole or bool(re.search(rf"[(,] *{re.escape(whole)}[,)]", over.replace(f"len({whole})", "")))


def _is_length(node: cst.CSTNode) -> bool:
    """Return whether an expression is a call such as ``len(x)``."""
    return isinstance(node, cst.Call) and last_name(node.func) == "len" and len(node.args) == 1
