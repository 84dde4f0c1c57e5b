"""Who steps: the optimizer, the scaler that steps for it, and the closure that it calls."""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.bindings import bound_in
from descend.doctor.source.locate import Place, locate, locate_site
from descend.doctor.source.names import binding
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name

OF_A_SCALER = ("scale", "unscale_", "update")  # its methods


@dataclass(frozen=True, eq=False)
class Stepping:
    """The call that steps, and the names in it."""

    place: Place
    optimizer: str  # what the optimizer is called there
    scaler: str = ""  # of `scaler.step(optimizer)`
    closure: cst.FunctionDef | None = None  # of `optimizer.step(closure)`


def find_stepping(script: Script, record: Record, key: str) -> Stepping | NotApplicable:
    """Return how the optimizer of that key is stepped, or why it cannot be told.

    `scaler.step(optimizer)` names the optimizer as the argument, `optimizer.step(closure)` as the receiver.
    """
    site = record.site("step", key)  # a library's wrapper may make the step itself: where the script asks it to
    place = locate(script, record, "step", key) if site is None else locate_site(script, record.site_in_script(site))
    if isinstance(place, NotApplicable):
        return place
    callee = place.call.func
    if not isinstance(callee, cst.Attribute) or last_name(callee) != "step":
        return NotApplicable(place.inside)
    made = record.site("optimizer", key)
    variable, receiver = made.variable if made else "", place.syntax.code(callee.value)
    if not place.call.args or place.call.args[0].star:
        return Stepping(place, receiver)
    argument = place.call.args[0].value
    code = place.syntax.code(argument)
    if code == variable and code != receiver:
        return Stepping(place, code, receiver)
    bound = binding(place.syntax, argument) if isinstance(argument, cst.Name) else None
    if bound is not None and isinstance(bound.node, cst.FunctionDef):
        return Stepping(place, receiver, closure=bound.node)
    is_scaled = receiver != variable and _is_scaler(place, callee.value)
    return Stepping(place, code, receiver) if is_scaled else Stepping(place, receiver)


def _is_scaler(place: Place, receiver: cst.BaseExpression) -> bool:
    """Whether what steps does what a gradient scaler does, and an optimizer does not: `scaler.scale(loss)`."""
    code = place.syntax.code(receiver)
    used = [a for a in place.syntax.every(cst.Attribute) if a.attr.value in OF_A_SCALER]
    return any(place.syntax.code(attribute.value) == code for attribute in used)


def clears_gradients(syntax: Syntax, region: cst.CSTNode) -> bool:
    """Return whether anything there clears gradients: `zero_grad()`, `p.grad = None`, `p.grad.zero_()`."""
    if any(name.endswith(".grad") for name in bound_in(syntax, region)):
        return True
    callees = [call.func for call in syntax.every(cst.Call, region)]
    return any(
        last_name(f) == "zero_grad" or syntax.code(f).endswith(("grad.zero_", "grad.data.zero_")) for f in callees
    )
