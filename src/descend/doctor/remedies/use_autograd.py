"""Autograd's own derivative of a hand-written Function's forward pass, in place of the backward pass beside it.

class Cube(torch.autograd.Function):             class Cube:
    @staticmethod                                    @staticmethod
    def forward(ctx, x):                             def apply(x):
        ctx.save_for_backward(x)                         return x**3
        return x**3

    @staticmethod
    def backward(ctx, g): ...

Where `ctx` is more than written to, or the class is used for more than its `apply`, its `forward` is called instead.
"""

from functools import partial
from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.imports import import_name
from descend.doctor.source.locate import locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, descendants, first_name, last_name

OF_A_FUNCTION = frozenset("backward vjp jvp vmap setup_context symbolic".split())  # methods that autograd calls
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
    plain = _plain(syntax, made[0])
    if plain is not None:
        return script.edit(syntax.file, syntax.replace(made[0], plain))
    context = "" if _methods(made[0]) & {"setup_context"} else f"{CONTEXT}()"
    applied = [a for a in syntax.every(cst.Attribute) if a.attr.value == "apply" and last_name(a.value) == name]
    if not applied:
        return NotApplicable(f"{syntax.file.name} does not apply {name} by its name")
    if any(_is_kept_elsewhere(syntax, a) for a in applied):
        return NotApplicable(f"{name}.apply is kept in an object, and is called from there")
    text = syntax.rewrite({_changed(syntax, a): partial(_forward, context) for a in applied})
    edited = import_name(syntax.file, text, "torch.autograd.function", CONTEXT) if context else text
    return edited if isinstance(edited, NotApplicable) else script.edit(syntax.file, edited)


def _plain(syntax: Syntax, made: cst.ClassDef) -> cst.ClassDef | None:
    """Return the class with its forward pass alone, as `apply`; None where that would not be the same."""
    own = {id(node) for node in descendants(made)}
    names = [n for n in syntax.every(cst.Name) if n.value == made.name.value and id(n) not in own]
    holders = [syntax.parents[name] for name in names]
    if not all(isinstance(h, cst.Attribute) and h.attr.value == "apply" for h in holders) or len(made.bases) != 1:
        return None
    kept = [part for part in made.body.body if _name_of(part) not in OF_A_FUNCTION]
    at = next((i for i, part in enumerate(kept) if _name_of(part) == "forward"), None)
    forward = kept[at] if at is not None else None
    if at is None or not isinstance(forward, cst.FunctionDef) or not isinstance(forward.body, cst.IndentedBlock):
        return None
    if "setup_context" not in _methods(made):
        forward = _without_context(forward)
    if forward is None:
        return None
    kept[at] = forward.with_changes(name=cst.Name("apply"))
    no = cst.MaybeSentinel.DEFAULT
    return made.with_changes(bases=(), lpar=no, rpar=no, body=made.body.with_changes(body=kept))


def _without_context(forward: cst.FunctionDef) -> cst.FunctionDef | None:
    """Return the function without its first parameter, which it may only write to."""
    context, *others = forward.params.params
    name = context.name.value
    body = [s for s in forward.body.body if not _writes_to(s, name)]
    if any(isinstance(n, cst.Name) and n.value == name for s in body for n in descendants(s)) or not body:
        return None
    params = forward.params.with_changes(params=others)
    return forward.with_changes(params=params, body=forward.body.with_changes(body=body))


def _writes_to(statement: cst.CSTNode, name: str) -> bool:
    """Whether all that a statement does is to call a method of that name's object, or to set its attributes."""
    if not isinstance(statement, cst.SimpleStatementLine):
        return False
    written: list[cst.CSTNode | None] = []
    for part in statement.body:
        if isinstance(part, cst.Assign):
            written += [target.target for target in part.targets]
        else:
            written += [part.value.func if isinstance(part, cst.Expr) and isinstance(part.value, cst.Call) else None]
    roots = [first_name(target) if isinstance(target, cst.Attribute) else None for target in written]
    return all(root is not None and root.value == name for root in roots)


def _name_of(part: cst.CSTNode) -> str:
    return part.name.value if isinstance(part, cst.FunctionDef) else ""


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
