"""Find the call that steps an optimizer, directly, through a gradient scaler, or with a closure."""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.bindings import names_bound_in
from descend.doctor.codemod.locate import Place, locate, locate_site
from descend.doctor.codemod.names import binding
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

SCALER_METHODS = ("scale", "unscale_", "update")


@dataclass(frozen=True, eq=False)
class StepCall:
    """The call that steps an optimizer, with the names of the objects that take part in it."""

    place: Place
    optimizer: str  # the optimizer's name in the call
    scaler: str = ""  # `scaler` in `scaler.step(optimizer)`
    closure: cst.FunctionDef | None = None  # `closure` in `optimizer.step(closure)`


def find_step_call(script: Script, record: Record, key: str) -> StepCall:
    """Return the call that steps the optimizer recorded as number `key`. Raise NotApplicable if it is unclear.

    In ``scaler.step(optimizer)`` the optimizer is the argument, in ``optimizer.step(closure)`` the receiver.
    """
    # If a library steps the optimizer, the script's call of that library counts as the step.
    site = record.site(SiteKind.STEP, key)
    place = (
        locate(script, record, SiteKind.STEP, key) if site is None else locate_site(script, record.site_in_script(site))
    )
    callee = place.call.func
    if not isinstance(callee, cst.Attribute) or last_name(callee) != "step":
        raise NotApplicable(place.indirect_call_message)
    made = record.site(SiteKind.OPTIMIZER, key)
    variable, receiver = made.variable if made else "", place.syntax.code(callee.value)
    if not place.call.args or place.call.args[0].star:
        return StepCall(place, receiver)
    argument = place.call.args[0].value
    code = place.syntax.code(argument)
    if code == variable and code != receiver:
        return StepCall(place, code, receiver)
    bound = binding(place.syntax, argument) if isinstance(argument, cst.Name) else None
    if bound is not None and isinstance(bound.node, cst.FunctionDef):
        return StepCall(place, receiver, closure=bound.node)
    is_scaled = receiver != variable and _is_scaler(place, callee.value)
    return StepCall(place, code, receiver) if is_scaled else StepCall(place, receiver)


def _is_scaler(place: Place, receiver: cst.BaseExpression) -> bool:
    """Return whether the object is also used like a gradient scaler, as in ``scaler.scale(loss)``."""
    code = place.syntax.code(receiver)
    used = [a for a in place.syntax.every(cst.Attribute) if a.attr.value in SCALER_METHODS]
    return any(place.syntax.code(attribute.value) == code for attribute in used)


def clears_gradients(syntax: Syntax, region: cst.CSTNode) -> bool:
    """Return whether code clears gradients: by ``zero_grad()``, ``p.grad = None`` or ``p.grad.zero_()``."""
    if any(name.endswith(".grad") for name in names_bound_in(syntax, region)):
        return True
    callees = [call.func for call in syntax.every(cst.Call, region)]
    return any(
        last_name(f) == "zero_grad" or syntax.code(f).endswith(("grad.zero_", "grad.data.zero_")) for f in callees
    )
