"""The step that the loop leaves out: without it gradients are computed and nothing is changed."""

from dataclasses import dataclass
from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.aliases import name_at
from descend.doctor.source.backward_pass import BACKWARD, BEFORE_STEP, is_backward, scaler_of
from descend.doctor.source.beside import is_call_in, statements_after
from descend.doctor.source.bindings import loops_around, outermost_loop
from descend.doctor.source.functions import functions_around
from descend.doctor.source.insert import insert_after, insert_before
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.stepping import clears_gradients
from descend.doctor.source.syntax import Syntax, last_name
from descend.doctor.source.uncalled import called, uncalled

AFTER_STEP = ("step", "zero_grad")
OF_A_NETWORK = ("parameters", "named_parameters", "forward", "train", "eval", "to")


@dataclass(frozen=True, eq=False)
class Spot:
    """The backward pass that wants a step, and what the optimizer is called there."""

    syntax: Syntax
    backward: cst.Call
    optimizer: str

    @property
    def loop(self) -> cst.CSTNode:
        """The outermost loop around it; the whole file where a function does one step."""
        return outermost_loop(self.syntax, self.backward)


def call_step(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `optimizer.step()` after the backward pass, and `optimizer.zero_grad()` if nothing clears gradients."""
    spot = _spot(script, record, dose.get("optimizer", "0"))
    if isinstance(spot, NotApplicable):
        return spot
    syntax = spot.syntax
    if (step := _steps(spot)) is not None:
        instead = _in_the_other_branch(spot, step)
        return instead if isinstance(instead, NotApplicable) else script.edit(syntax.file, instead)
    clearing = [] if clears_gradients(syntax, spot.loop) else [f"{spot.optimizer}.zero_grad()"]
    if (named := uncalled(syntax, spot.loop, f"{spot.optimizer}.step")) is not None:
        text = called(syntax, named, *clearing)
    else:
        text = insert_after(syntax, _last_before_step(spot), *_step(spot), *clearing)
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)


def _spot(script: Script, record: Record, key: str) -> Spot | NotApplicable:
    place = locate(script, record, "backward")
    if isinstance(place, NotApplicable):
        return place
    if not is_backward(place.call):
        return NotApplicable(place.inside)
    optimizer = _optimizer(script, record, key, place)
    line = place.syntax.line(place.call)
    if optimizer is None:
        return NotApplicable(f"line {line} does not show what the optimizer is called there")
    several = len({site.key for site in record.sites if site.kind == "optimizer"}) > 1
    backward = _own_backward(place.syntax, optimizer) if several else place.call
    if backward is None:
        return NotApplicable(f"which of several backward passes is for `{optimizer}` cannot be told in line {line}")
    return Spot(place.syntax, backward, optimizer)


def _optimizer(script: Script, record: Record, key: str, place: Place) -> str | None:
    """Return the optimizer's name at the backward pass: followed from where it is made, or read off the loop."""
    made, syntax = locate(script, record, "optimizer", key), place.syntax
    if isinstance(made, Place) and made.syntax is syntax:
        name = name_at(syntax, made.call, made.site.variable, place.call)
        if name is not None:
            return name
    loop = outermost_loop(syntax, place.call)
    clearing = [c.func for c in syntax.every(cst.Call, loop) if last_name(c.func) == "zero_grad"]
    cleared = {syntax.code(f.value) for f in clearing if isinstance(f, cst.Attribute)} - _networks(syntax)
    return cleared.pop() if len(cleared) == 1 else None


def _networks(syntax: Syntax) -> set[str]:
    """Return what is called, or asked for its parameters or its mode: a network clears gradients, too."""
    asked = [a.value for a in syntax.every(cst.Attribute) if a.attr.value in OF_A_NETWORK]
    return {syntax.code(node) for node in [*asked, *(call.func for call in syntax.every(cst.Call))]}


def _own_backward(syntax: Syntax, optimizer: str) -> cst.Call | None:
    """Return the backward pass that this optimizer, one of several, has cleared its gradients for."""
    cleared = False
    for call in syntax.every(cst.Call):
        if last_name(call.func) == "zero_grad":
            cleared = syntax.code(call.func) == f"{optimizer}.zero_grad"
        elif is_backward(call) and cleared:
            return call
    return None


def _steps(spot: Spot) -> cst.Call | None:
    """Return the call in the same loop, or function, that steps the optimizer already."""
    syntax, around = spot.syntax, functions_around(spot.syntax, spot.backward)
    region = next(iter([*loops_around(syntax, spot.backward), *around]), syntax.module)
    for call in syntax.every(cst.Call, region):
        if last_name(call.func) == "step" and spot.optimizer in [syntax.code(part) for part in _parties(call)]:
            return call
    return None


def _in_the_other_branch(spot: Spot, step: cst.Call) -> str | NotApplicable:
    """Return the text with a step in the branch that is taken instead of the one that steps."""
    syntax = spot.syntax
    branch = next((outer for outer in syntax.ancestors(step) if isinstance(outer, cst.If | cst.Else)), None)
    other: cst.If | cst.Else | None = None
    if isinstance(branch, cst.Else) and isinstance(chain := syntax.parents[branch], cst.If):
        other = chain
    elif isinstance(branch, cst.If) and isinstance(branch.orelse, cst.Else):
        other = branch.orelse
    if other is None or spot.backward in syntax.every(cst.Call, branch):
        return NotApplicable(f"line {syntax.line(step)} steps `{spot.optimizer}` already, if ever its condition holds")
    return insert_before(syntax, other.body.body[0], *_step(spot))


def _parties(call: cst.Call) -> list[cst.BaseExpression]:
    """Return who may step in `optimizer.step()` and `scaler.step(optimizer)`."""
    receiver = [call.func.value] if isinstance(call.func, cst.Attribute) else []
    return [*receiver, *(argument.value for argument in call.args)]


def _last_before_step(spot: Spot) -> cst.CSTNode:
    """Return the last of what belongs before a step: further backward passes, clipping."""
    last: cst.CSTNode = spot.backward
    for statement in statements_after(spot.syntax, spot.backward):
        if is_call_in(statement, AFTER_STEP):
            break
        if is_call_in(statement, (*BACKWARD, *BEFORE_STEP)):
            last = statement
    return last


def _step(spot: Spot) -> list[str]:
    """Return the statements of a step; a loss that a scaler has multiplied needs the scaler's."""
    multiplier = scaler_of(spot.backward)
    if multiplier is None:
        return [f"{spot.optimizer}.step()"]
    scaler = spot.syntax.code(multiplier)
    calls = {spot.syntax.code(c.func) for c in spot.syntax.every(cst.Call, spot.loop)}
    update = [] if f"{scaler}.update" in calls else [f"{scaler}.update()"]
    return [f"{scaler}.step({spot.optimizer})", *update]
