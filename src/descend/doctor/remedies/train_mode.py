"""The model put back into training mode for the loop, where an evaluation has left it in the other.

Dropout and normalisation layers act as they should in training only while `model.training` is set. The line
stands before the innermost loop, once for an epoch, unless something inside that loop may switch the mode.
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.beside import call_in, statements_before
from descend.doctor.source.bindings import bound_in, loops_around
from descend.doctor.source.called_model import called_model
from descend.doctor.source.functions import function_around
from descend.doctor.source.insert import insert_before
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name
from descend.doctor.source.training_call import training_call


def train_mode(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `model.train()` before the loop that calls the model, or right before the call. It takes no dose."""
    place = training_call(script, record)
    if isinstance(place, NotApplicable):
        return place
    if not place.site.key:  # no module was called
        return NotApplicable(place.inside)
    called = called_model(place)
    if isinstance(called, NotApplicable):
        return called
    syntax, model = place.syntax, whole_model(called, record)
    line = syntax.line(place.call)
    names = {name.value for loop in _comprehensions(place) for name in syntax.every(cst.Name, loop.target)}
    if model.split(".")[0] in names:
        return NotApplicable(f"line {line} calls one model after another in a comprehension")
    spots = [at for at in _spots(place, model) if not _is_in_training(syntax, at, model)]
    if not spots:
        return NotApplicable(f"`{model}` is put into training mode right before line {line} already")
    condition = _condition(script, record, place, spots[0])
    turned = _turned(syntax, spots[0], model, condition)
    text = turned or insert_before(syntax, spots[0], f"{model}.train({condition})")
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)


def whole_model(called: str, record: Record) -> str:
    """Return the whole model where the script calls a part of it (`net.encoder(x)`)."""
    made = record.site("model")
    is_part = made is not None and made.variable and called.startswith(made.variable + ".")
    return made.variable if made is not None and is_part else called


def _comprehensions(place: Place) -> list[cst.CompFor]:
    return [outer.for_in for outer in place.syntax.ancestors(place.call) if isinstance(outer, cst.BaseComp)]


def _spots(place: Place, model: str) -> list[cst.CSTNode]:
    """Return where the line may stand: before the innermost loop if the mode surely stays in there, before the call."""
    syntax = place.syntax
    spots: list[cst.CSTNode] = [place.call]
    for loop in loops_around(syntax, place.call)[-1:]:
        made_inside = bound_in(syntax, loop)
        if not {model, model.split(".")[0]} & made_inside and not _may_switch(syntax, loop, model, set()):
            spots.insert(0, loop)
    return spots


def _is_in_training(syntax: Syntax, at: cst.CSTNode, model: str) -> bool:
    """Return whether the model is put into training mode before `at` in the same block, and nothing switches after."""
    for statement in statements_before(syntax, at):
        call = call_in(statement)
        if call is not None and syntax.code(call) == f"{model}.train()":
            return True
        if _may_switch(syntax, statement, model, set()):
            return False
    return False


def _may_switch(syntax: Syntax, node: cst.CSTNode, model: str, seen: set[str]) -> bool:
    """Return whether anything called in `node` switches modes, or gets the model and is not of this file."""
    functions = {f.name.value: f for f in syntax.every(cst.FunctionDef)}
    for call in syntax.every(cst.Call, node):
        name = last_name(call.func)
        if name in seen:
            continue
        if isinstance(call.func, cst.Attribute) and (name == "eval" or (name == "train" and call.args)):
            return True
        if name in functions:
            seen.add(name)
            if _may_switch(syntax, functions[name].body, model, seen):
                return True
        elif any(syntax.code(argument.value) == model for argument in call.args):
            return True
    return False


def _turned(syntax: Syntax, at: cst.CSTNode, model: str, condition: str) -> str | None:
    """Return the text with the statement right before `at` turned round, where it is `model.eval()`."""
    call = next((call_in(statement) for statement in statements_before(syntax, at)[:1]), None)
    if call is None or syntax.code(call) != f"{model}.eval()":
        return None
    return syntax.replace(call, cst.parse_expression(f"{model}.train({condition})"))


def _condition(script: Script, record: Record, place: Place, at: cst.CSTNode) -> str:
    """Return the test under which the same code trains (`if phase == "train": loss.backward()`), or ""."""
    syntax, backward = place.syntax, locate(script, record, "backward")
    if isinstance(backward, NotApplicable) or backward.syntax is not syntax:
        return ""
    if function_around(syntax, backward.call) != function_around(syntax, place.call):
        return ""
    around = set(syntax.ancestors(place.call))
    inner: cst.CSTNode = backward.call
    for outer in syntax.ancestors(backward.call):
        if outer in around:
            break
        if isinstance(outer, cst.If) and inner is outer.body and outer.orelse is None:
            return _as_mode(syntax, outer.test, at)
        inner = outer
    return ""


def _as_mode(syntax: Syntax, test: cst.BaseExpression, at: cst.CSTNode) -> str:
    """Return the test as an argument of `train`, if its value is known before `at` and stays so."""
    regions = [o for o in (at, *syntax.ancestors(at)) if isinstance(o, cst.For | cst.While | cst.FunctionDef)]
    changing = bound_in(syntax, next(iter(regions), syntax.module))
    names = {name.value for name in syntax.every(cst.Name, test)}
    attributes = {syntax.code(attribute) for attribute in syntax.every(cst.Attribute, test)}
    if (names | attributes) & changing or "training" in names or syntax.every(cst.Call, test):
        return ""
    is_boolean = isinstance(test, cst.Comparison) or "train" in last_name(test)
    return syntax.code(test) if is_boolean else f"bool({syntax.code(test)})"
