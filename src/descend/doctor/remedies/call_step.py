"""Add the missing optimizer step: without it the gradients change no parameter."""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.aliases import name_at
from descend.doctor.codemod.backward_pass import (
    BACKWARD_METHODS,
    GRADIENT_PREPARATION,
    gradient_scaler,
    is_backward_call,
)
from descend.doctor.codemod.bindings import loops_around, outermost_loop
from descend.doctor.codemod.block_statements import is_call_statement, statements_after
from descend.doctor.codemod.functions import functions_around
from descend.doctor.codemod.insert import insert_after, insert_before
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.optimizer_step import clears_gradients
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.codemod.uncalled_method import add_missing_call, find_uncalled_method
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import OptimizerArguments
from descend.doctor.script.script import Script

AFTER_STEP = ("step", "zero_grad")
OF_A_NETWORK = ("parameters", "named_parameters", "forward", "train", "eval", "to")


@dataclass(frozen=True, eq=False)
class SteplessBackward:
    """A backward pass that no optimizer step follows, the file that contains it, and the optimizer's variable there."""

    syntax: Syntax
    backward: cst.Call
    optimizer: str

    @property
    def loop(self) -> cst.CSTNode:
        """The outermost loop around the backward pass; the whole file if there is none."""
        return outermost_loop(self.syntax, self.backward)


def call_step(script: Script, record: Record, arguments: OptimizerArguments) -> Script:
    """Insert `optimizer.step()` after the backward pass, and `optimizer.zero_grad()` if nothing clears gradients."""
    spot = _backward_without_step(script, record, arguments.optimizer)
    syntax = spot.syntax
    if (step := _existing_step(spot)) is not None:
        instead = _step_in_other_branch(spot, step)
        return script.edit(syntax.file, instead)
    clearing = [] if clears_gradients(syntax, spot.loop) else [f"{spot.optimizer}.zero_grad()"]
    if (named := find_uncalled_method(syntax, spot.loop, f"{spot.optimizer}.step")) is not None:
        text = add_missing_call(syntax, named, *clearing)
    else:
        text = insert_after(syntax, _last_statement_before_step(spot), *_step_code(spot), *clearing)
    return script.edit(syntax.file, text)


def _backward_without_step(script: Script, record: Record, key: str) -> SteplessBackward:
    """Return the backward pass that no step follows. Raise NotApplicable if the optimizer's variable is unclear."""
    place = locate(script, record, SiteKind.BACKWARD)
    if not is_backward_call(place.call):
        raise NotApplicable(place.indirect_call_message)
    optimizer = _optimizer_name(script, record, key, place)
    line = place.syntax.line(place.call)
    if optimizer is None:
        raise NotApplicable(f"it is unclear which variable holds the optimizer in line {line}")
    several = len({site.key for site in record.sites if site.kind == SiteKind.OPTIMIZER}) > 1
    backward = _backward_after_zero_grad(place.syntax, optimizer) if several else place.call
    if backward is None:
        raise NotApplicable(f"it is unclear which of several backward passes belongs to `{optimizer}` in line {line}")
    return SteplessBackward(place.syntax, backward, optimizer)


def _optimizer_name(script: Script, record: Record, key: str, place: Place) -> str | None:
    """Return the optimizer's variable at the backward pass, from its construction or from `zero_grad()` in the loop."""
    made, syntax = if_applicable(locate, script, record, SiteKind.OPTIMIZER, key), place.syntax
    if made is not None and made.syntax is syntax:
        name = name_at(syntax, made.call, made.site.variable, place.call)
        if name is not None:
            return name
    loop = outermost_loop(syntax, place.call)
    clearing = [c.func for c in syntax.every(cst.Call, loop) if last_name(c.func) == "zero_grad"]
    cleared = {syntax.code(f.value) for f in clearing if isinstance(f, cst.Attribute)} - _module_variables(syntax)
    return cleared.pop() if len(cleared) == 1 else None


def _module_variables(syntax: Syntax) -> set[str]:
    """Return the variables that are called or have a method such as `forward`, so they do not hold an optimizer."""
    asked = [a.value for a in syntax.every(cst.Attribute) if a.attr.value in OF_A_NETWORK]
    return {syntax.code(node) for node in [*asked, *(call.func for call in syntax.every(cst.Call))]}


def _backward_after_zero_grad(syntax: Syntax, optimizer: str) -> cst.Call | None:
    """Return the first backward pass after `optimizer.zero_grad()`, for one of several optimizers; else None."""
    cleared = False
    for call in syntax.every(cst.Call):
        if last_name(call.func) == "zero_grad":
            cleared = syntax.code(call.func) == f"{optimizer}.zero_grad"
        elif is_backward_call(call) and cleared:
            return call
    return None


def _existing_step(spot: SteplessBackward) -> cst.Call | None:
    """Return the call that already steps the optimizer in the backward pass's loop or function; else None."""
    syntax, around = spot.syntax, functions_around(spot.syntax, spot.backward)
    region = next(iter([*loops_around(syntax, spot.backward), *around]), syntax.module)
    for call in syntax.every(cst.Call, region):
        if last_name(call.func) == "step" and spot.optimizer in [
            syntax.code(part) for part in _possible_optimizers(call)
        ]:
            return call
    return None


def _step_in_other_branch(spot: SteplessBackward, step: cst.Call) -> str:
    """Return the file's source with a step inserted in the branch of an `if` whose other branch already has a step."""
    syntax = spot.syntax
    branch = next((outer for outer in syntax.ancestors(step) if isinstance(outer, cst.If | cst.Else)), None)
    other: cst.If | cst.Else | None = None
    if isinstance(branch, cst.Else) and isinstance(chain := syntax.parents[branch], cst.If):
        other = chain
    elif isinstance(branch, cst.If) and isinstance(branch.orelse, cst.Else):
        other = branch.orelse
    if other is None or spot.backward in syntax.every(cst.Call, branch):
        raise NotApplicable(f"line {syntax.line(step)} already steps `{spot.optimizer}`, but only under a condition")
    return insert_before(syntax, other.body.body[0], *_step_code(spot))


def _possible_optimizers(call: cst.Call) -> list[cst.BaseExpression]:
    """Return the objects of a `step` call that may be the optimizer: x of `x.step()`, x and y of `x.step(y)`."""
    receiver = [call.func.value] if isinstance(call.func, cst.Attribute) else []
    return [*receiver, *(argument.value for argument in call.args)]


def _last_statement_before_step(spot: SteplessBackward) -> cst.CSTNode:
    """Return the last statement that must come before the step, such as clipping or another backward pass."""
    last: cst.CSTNode = spot.backward
    for statement in statements_after(spot.syntax, spot.backward):
        if is_call_statement(statement, AFTER_STEP):
            break
        if is_call_statement(statement, (*BACKWARD_METHODS, *GRADIENT_PREPARATION)):
            last = statement
    return last


def _step_code(spot: SteplessBackward) -> list[str]:
    """Return source code for the optimizer's step, through the gradient scaler if the backward pass uses one."""
    multiplier = gradient_scaler(spot.backward)
    if multiplier is None:
        return [f"{spot.optimizer}.step()"]
    scaler = spot.syntax.code(multiplier)
    calls = {spot.syntax.code(c.func) for c in spot.syntax.every(cst.Call, spot.loop)}
    update = [] if f"{scaler}.update" in calls else [f"{scaler}.update()"]
    return [f"{scaler}.step({spot.optimizer})", *update]
