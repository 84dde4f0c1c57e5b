"""Autograd's own derivative of a hand-written Function's forward pass, in place of the backward pass beside it."""

from functools import partial
from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.imports import import_name
from descend.doctor.source.locate import locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name

CONTEXT = "FunctionCtx"  # takes what forward saves for a backward pass that will not come


def use_autograd(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Call `dose["function"]`'s forward where the file applies the Function."""
    name = dose["function"]
    place = locate(script, record, "custom_function", name)
    if isinstance(place, NotApplicable):
        return place
    syntax = place.syntax
    made = [c for c in syntax.every(cst.ClassDef) if c.name.value == name]
    if len(made) != 1:
        return NotApplicable(f"{syntax.file.name} does not say what the forward pass of {name} is")
    context = "" if _methods(made[0]) & {"setup_context"} else f"{CONTEXT}()"
    applied = [a for a in syntax.every(cst.Attribute) if a.attr.value == "apply" and last_name(a.value) == name]
    if not applied:
        return NotApplicable(f"{syntax.file.name} does not apply {name} by its name")
    if any(_is_kept_elsewhere(syntax, a) for a in applied):
        return NotApplicable(f"{name}.apply is kept in an object, and is called from there")
    text = syntax.rewrite({_changed(syntax, a): partial(_forward, context) for a in applied})
    edited = import_name(syntax.file, text, "torch.autograd.function", CONTEXT) if context else text
    return edited if isinstance(edited, NotApplicable) else script.edit(syntax.file, edited)


def _methods(made: cst.ClassDef) -> set[str]:
    return {part.name.value for part in made.body.body if isinstance(part, cst.FunctionDef)}


def _is_kept_elsewhere(syntax: Syntax, apply: cst.Attribute) -> bool:
    """Whether `apply` is given to an attribute or to a class: what is called from there may be pickled, or bound."""
    holder = syntax.parents[apply]
    if not isinstance(holder, cst.Assign):
        return False
    outer = next(o for o in syntax.ancestors(holder) if isinstance(o, cst.FunctionDef | cst.ClassDef | cst.Module))
    return isinstance(outer, cst.ClassDef) or not all(isinstance(t.target, cst.Name) for t in holder.targets)


def _changed(syntax: Syntax, apply: cst.Attribute) -> cst.BaseExpression:
    """Return the call of `apply`, or the attribute itself where it is kept under another name."""
    call = syntax.parents[apply]
    return call if isinstance(call, cst.Call) and call.func is apply else apply


def _forward(context: str, apply: cst.CSTNode) -> cst.BaseExpression:
    """Return the call of forward for a call of apply; the function itself, or one around it, for a bare `apply`."""
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    first = [cst.Arg(cst.parse_expression(context), comma=comma)] if context else []
    if isinstance(apply, cst.Call):
        forward = cst.ensure_type(apply.func, cst.Attribute).with_changes(attr=cst.Name("forward"))
        return apply.with_changes(func=forward, args=[*first, *apply.args])
    forward = cst.ensure_type(apply, cst.Attribute).with_changes(attr=cst.Name("forward"))
    if not first:
        return forward
    inputs = cst.Name("inputs")
    parameters = cst.Parameters(star_arg=cst.Param(inputs, star="*"))
    return cst.Lambda(parameters, cst.Call(forward, [*first, cst.Arg(inputs, star="*")]))
