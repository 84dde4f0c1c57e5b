"""Put the model back into training mode before the loop, after an evaluation has left it in evaluation mode.

Dropout and normalisation layers train correctly only while `model.training` is set. The line precedes the innermost
loop, so that it runs once an epoch, unless code inside that loop may switch the mode.
"""

import libcst as cst

from descend.doctor.codemod.bindings import loops_around, names_bound_in
from descend.doctor.codemod.block_statements import statement_call, statements_before
from descend.doctor.codemod.called_model import called_model
from descend.doctor.codemod.functions import function_around
from descend.doctor.codemod.insert import insert_before
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.codemod.training_call import training_call
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script


def train_mode(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Insert `model.train()` before the loop that calls the model, or right before the call if the mode may change."""
    place = training_call(script, record)
    if not place.site.key:  # The script calls no module, so no training mode exists.
        raise NotApplicable(place.indirect_call_message)
    called = called_model(place)
    syntax, model = place.syntax, whole_model_variable(called, record)
    line = syntax.line(place.call)
    names = {name.value for loop in _comprehensions(place) for name in syntax.every(cst.Name, loop.target)}
    if model.split(".")[0] in names:
        raise NotApplicable(f"line {line} calls one model after another in a comprehension")
    spots = [at for at in _code_to_insert_above(place, model) if not _is_in_training(syntax, at, model)]
    if not spots:
        raise NotApplicable(f"`{model}` is already in training mode right before line {line}")
    condition = _training_condition(script, record, place, spots[0])
    turned = _with_eval_turned_into_train(syntax, spots[0], model, condition)
    text = turned or insert_before(syntax, spots[0], f"{model}.train({condition})")
    return script.edit(syntax.file, text)


def whole_model_variable(called: str, record: Record) -> str:
    """Return the variable of the whole model: `net` if the script calls only a part of it, such as `net.encoder`."""
    made = record.site(SiteKind.MODEL)
    is_part = made is not None and made.variable and called.startswith(made.variable + ".")
    return made.variable if made is not None and is_part else called


def _comprehensions(place: Place) -> list[cst.CompFor]:
    """Return the comprehensions around the call, such as `[model(x) for x in batches]`."""
    return [outer.for_in for outer in place.syntax.ancestors(place.call) if isinstance(outer, cst.BaseComp)]


def _code_to_insert_above(place: Place, model: str) -> list[cst.CSTNode]:
    """Return the code above which `model.train()` may go: the innermost loop if it keeps the mode, and the call."""
    syntax = place.syntax
    spots: list[cst.CSTNode] = [place.call]
    for loop in loops_around(syntax, place.call)[-1:]:
        made_inside = names_bound_in(syntax, loop)
        if not {model, model.split(".")[0]} & made_inside and not _may_switch_mode(syntax, loop, model, set()):
            spots.insert(0, loop)
    return spots


def _is_in_training(syntax: Syntax, at: cst.CSTNode, model: str) -> bool:
    """Return whether the block calls `model.train()` above `at` and no statement in between may switch the mode."""
    for statement in statements_before(syntax, at):
        call = statement_call(statement)
        if call is not None and syntax.code(call) == f"{model}.train()":
            return True
        if _may_switch_mode(syntax, statement, model, set()):
            return False
    return False


def _may_switch_mode(syntax: Syntax, node: cst.CSTNode, model: str, seen: set[str]) -> bool:
    """Return whether code inside `node` may switch to evaluation mode, itself or in a function that gets the model."""
    functions = {f.name.value: f for f in syntax.every(cst.FunctionDef)}
    for call in syntax.every(cst.Call, node):
        name = last_name(call.func)
        if name in seen:
            continue
        if isinstance(call.func, cst.Attribute) and (name == "eval" or (name == "train" and call.args)):
            return True
        if name in functions:
            seen.add(name)
            if _may_switch_mode(syntax, functions[name].body, model, seen):
                return True
        elif any(syntax.code(argument.value) == model for argument in call.args):
            return True
    return False


def _with_eval_turned_into_train(syntax: Syntax, at: cst.CSTNode, model: str, condition: str) -> str | None:
    """Return the source with the `model.eval()` right above `at` replaced by `model.train()`; None without it."""
    call = next((statement_call(statement) for statement in statements_before(syntax, at)[:1]), None)
    if call is None or syntax.code(call) != f"{model}.eval()":
        return None
    return syntax.replace(call, cst.parse_expression(f"{model}.train({condition})"))


def _training_condition(script: Script, record: Record, place: Place, at: cst.CSTNode) -> str:
    """Return the condition of the `if` around the backward pass, such as `phase == "train"`, or ""."""
    syntax, backward = place.syntax, if_applicable(locate, script, record, SiteKind.BACKWARD)
    if backward is None or backward.syntax is not syntax:
        return ""
    if function_around(syntax, backward.call) != function_around(syntax, place.call):
        return ""
    around = set(syntax.ancestors(place.call))
    inner: cst.CSTNode = backward.call
    for outer in syntax.ancestors(backward.call):
        if outer in around:
            break
        if isinstance(outer, cst.If) and inner is outer.body and outer.orelse is None:
            return _mode_argument(syntax, outer.test, at)
        inner = outer
    return ""


def _mode_argument(syntax: Syntax, test: cst.BaseExpression, at: cst.CSTNode) -> str:
    """Return a condition as source code for the argument of `model.train()`; "" if its value may change below `at`."""
    regions = [o for o in (at, *syntax.ancestors(at)) if isinstance(o, cst.For | cst.While | cst.FunctionDef)]
    changing = names_bound_in(syntax, next(iter(regions), syntax.module))
    names = {name.value for name in syntax.every(cst.Name, test)}
    attributes = {syntax.code(attribute) for attribute in syntax.every(cst.Attribute, test)}
    if (names | attributes) & changing or "training" in names or syntax.every(cst.Call, test):
        return ""
    is_boolean = isinstance(test, cst.Comparison) or "train" in last_name(test)
    return syntax.code(test) if is_boolean else f"bool({syntax.code(test)})"
