"""Use autograd's derivative of a custom Function's forward pass in place of its written backward pass.

class Cube(torch.autograd.Function):             class Cube:
    @staticmethod                                    @staticmethod
    def forward(ctx, x):                             def apply(x):
        ctx.save_for_backward(x)                         return x**3
        return x**3

    @staticmethod
    def backward(ctx, g): ...

If `forward` reads `ctx`, or other code uses the class for more than `apply`, the patch calls `forward` directly.
"""

from dataclasses import dataclass
from functools import partial

import libcst as cst

from descend.doctor.codemod.imports import import_name
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax, descendants, first_name, last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

# methods of a torch.autograd.Function that only autograd calls
OF_A_FUNCTION = frozenset("backward vjp jvp vmap setup_context symbolic".split())
CONTEXT = "FunctionCtx"  # torch's class of `ctx`; the edit passes an instance of it to `forward`


@dataclass(frozen=True)
class UseAutogradArguments:
    """Arguments of the remedy `use_autograd`, which removes a custom backward pass."""

    function: str  # class name of the torch.autograd.Function


def use_autograd(script: Script, record: Record, arguments: UseAutogradArguments) -> Script:
    """Let autograd differentiate a custom Function: replace its class by a plain one, or call `forward` for `apply`."""
    name = arguments.function
    place = locate(script, record, SiteKind.CUSTOM_FUNCTION, name)
    syntax = place.syntax
    made = [c for c in syntax.every(cst.ClassDef) if c.name.value == name]
    if len(made) != 1:
        raise NotApplicable(f"{syntax.file.name} does not define {name} exactly once")
    plain = _plain_class(syntax, made[0])
    if plain is not None:
        return script.edit(syntax.file, syntax.replace(made[0], plain))
    context = "" if _method_names(made[0]) & {"setup_context"} else f"{CONTEXT}()"
    applied = [a for a in syntax.every(cst.Attribute) if a.attr.value == "apply" and last_name(a.value) == name]
    if not applied:
        raise NotApplicable(f"{syntax.file.name} does not call {name}.apply by that name")
    if any(_is_stored_elsewhere(syntax, a) for a in applied):
        raise NotApplicable(f"{name}.apply is stored in an object and called from there")
    text = syntax.rewrite({_replaced_code(syntax, a): partial(_forward_call, context) for a in applied})
    edited = import_name(syntax.file, text, "torch.autograd.function", CONTEXT) if context else text
    return script.edit(syntax.file, edited)


def _plain_class(syntax: Syntax, made: cst.ClassDef) -> cst.ClassDef | None:
    """Return the Function as a plain class with `forward` renamed to `apply`; None if other code would then fail."""
    own = {id(node) for node in descendants(made)}
    names = [n for n in syntax.every(cst.Name) if n.value == made.name.value and id(n) not in own]
    holders = [syntax.parents[name] for name in names]
    if not all(isinstance(h, cst.Attribute) and h.attr.value == "apply" for h in holders) or len(made.bases) != 1:
        return None
    kept = [part for part in made.body.body if _method_name(part) not in OF_A_FUNCTION]
    at = next((i for i, part in enumerate(kept) if _method_name(part) == "forward"), None)
    forward = kept[at] if at is not None else None
    if at is None or not isinstance(forward, cst.FunctionDef) or not isinstance(forward.body, cst.IndentedBlock):
        return None
    if "setup_context" not in _method_names(made):
        forward = _without_context(forward)
    if forward is None:
        return None
    kept[at] = forward.with_changes(name=cst.Name("apply"))
    no = cst.MaybeSentinel.DEFAULT
    return made.with_changes(bases=(), lpar=no, rpar=no, body=made.body.with_changes(body=kept))


def _without_context(forward: cst.FunctionDef) -> cst.FunctionDef | None:
    """Return the function without its first parameter `ctx`, or None if the function reads `ctx`."""
    context, *others = forward.params.params
    name = context.name.value
    body = [s for s in forward.body.body if not _only_changes_object(s, name)]
    if any(isinstance(n, cst.Name) and n.value == name for s in body for n in descendants(s)) or not body:
        return None
    params = forward.params.with_changes(params=others)
    return forward.with_changes(params=params, body=forward.body.with_changes(body=body))


def _only_changes_object(statement: cst.CSTNode, name: str) -> bool:
    """Return whether a statement does nothing but call methods of the object `name` or set its attributes."""
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


def _method_name(part: cst.CSTNode) -> str:
    """Return the name of a method in a class body; "" for another statement."""
    return part.name.value if isinstance(part, cst.FunctionDef) else ""


def _method_names(made: cst.ClassDef) -> set[str]:
    """Return the names of all methods of a class."""
    return {part.name.value for part in made.body.body if isinstance(part, cst.FunctionDef)}


def _is_stored_elsewhere(syntax: Syntax, apply: cst.Attribute) -> bool:
    """Return whether `apply` is assigned to an attribute or in a class, so that other code may call or pickle it."""
    holder = syntax.parents[apply]
    if not isinstance(holder, cst.Assign):
        return False
    outer = next(o for o in syntax.ancestors(holder) if isinstance(o, cst.FunctionDef | cst.ClassDef | cst.Module))
    return isinstance(outer, cst.ClassDef) or not all(isinstance(t.target, cst.Name) for t in holder.targets)


def _replaced_code(syntax: Syntax, apply: cst.Attribute) -> cst.BaseExpression:
    """Return the code that the edit replaces: the call of `F.apply`, or `F.apply` itself if it is not called there."""
    call = syntax.parents[apply]
    return call if isinstance(call, cst.Call) and call.func is apply else apply


def _forward_call(context: str, apply: cst.CSTNode) -> cst.BaseExpression:
    """Return a call of `F.forward` for a call of `F.apply`; for `F.apply` alone, a function that calls `F.forward`."""
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
