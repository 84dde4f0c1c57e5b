"""Insert a learning-rate scheduler after the optimizer, and the call of its `step()` after each optimizer step."""

from collections.abc import Callable

import libcst as cst

from descend.doctor.codemod.aliases import name_at
from descend.doctor.codemod.arguments import makes_optimizer
from descend.doctor.codemod.block_statements import is_call_statement, statements_after
from descend.doctor.codemod.callers import call_chain
from descend.doctor.codemod.imports import import_module
from descend.doctor.codemod.insert import insert_after
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.names import enclosing_class, free_name
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.optimizer_step import StepCall, find_step_call
from descend.doctor.codemod.step_count import step_count_expression
from descend.doctor.codemod.syntax import Syntax
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

# A function of the optimizer's variable and the run's number of steps, as code such as `epochs * len(loader)` or "" if
# it is unclear. It returns the code that creates the scheduler.
WriteScheduler = Callable[[str, str], str]


def insert_schedule(script: Script, record: Record, key: str, variable: str, write: WriteScheduler) -> Script:
    """Insert a scheduler of the optimizer number `key`, and the calls of its `step()`.

    variable: the scheduler's name, unless the script uses this name already. If the scheduler's variable is out of
    scope at `optimizer.step()`, such as in a function that is passed the optimizer, a hook of the optimizer steps it.
    """
    stepping = if_applicable(find_step_call, script, record, key)
    made = locate(script, record, SiteKind.OPTIMIZER, key)
    kept = _stored_value(made, stepping)
    optimizer = _optimizer_variable(made, kept)
    if not makes_optimizer(made) or not optimizer:
        raise NotApplicable(f"line {made.syntax.line(made.call)} does not assign the optimizer to a variable")
    owner, dot, _ = optimizer.rpartition(".")
    name = owner + dot + free_name(made.syntax, variable, of_object=bool(owner))
    schedule = f"{name} = {write(optimizer, _step_count(script, record, made, stepping, kept))}"
    text = if_applicable(_with_scheduler_step, stepping, made, kept, name) if stepping is not None else None
    if text is None:
        hook = f"{optimizer}.register_step_post_hook(lambda *_: {name}.step())"
        return _insert_after_optimizer(script, made, kept, schedule, hook)
    stepped = script.edit(made.syntax.file, text)
    again, stepping = (
        locate(stepped, record, SiteKind.OPTIMIZER, key),
        if_applicable(find_step_call, stepped, record, key),
    )
    return _insert_after_optimizer(stepped, again, _stored_value(again, stepping), schedule)


def _step_count(script: Script, record: Record, made: Place, stepping: StepCall | None, kept: cst.CSTNode) -> str:
    """Return source code for the run's number of steps, such as `epochs * len(loader)`; "" if it is unclear."""
    if stepping is None or stepping.place.syntax is not made.syntax:
        return ""
    return step_count_expression(script, record, made.syntax, stepping.place.call, kept) or ""


def _stored_value(made: Place, stepping: StepCall | None) -> cst.CSTNode:
    """Return the right side of the statement that stores the optimizer in a variable or an attribute.

    That is the optimizer's own call, the call of the function that returns it, or the parameter of a constructor
    that stores it (`self.optimizer = optimizer`).
    """
    syntax = made.syntax
    for node in call_chain(syntax, made.call):
        if not isinstance(syntax.parents[node], cst.Return | cst.Arg):
            return node
        if isinstance(syntax.parents[node], cst.Arg) and stepping is not None:
            return _value_of_stepped_attribute(syntax, stepping) or made.call
    return made.call


def _value_of_stepped_attribute(syntax: Syntax, stepping: StepCall) -> cst.BaseExpression | None:
    """Return the value that a class assigns to the attribute that it steps, `self.optimizer`; None if unclear."""
    if stepping.place.syntax is not syntax or not stepping.optimizer.startswith("self."):
        return None
    owner = enclosing_class(syntax, stepping.place.call)
    assigned = [
        a for a in syntax.every(cst.Assign, owner) if stepping.optimizer in [syntax.code(t.target) for t in a.targets]
    ]
    return assigned[0].value if len(assigned) == 1 else None


def _optimizer_variable(made: Place, kept: cst.CSTNode) -> str:
    """Return the variable or attribute to which the optimizer is assigned, or ""."""
    holder = made.syntax.parents[kept]
    if isinstance(holder, cst.Assign) and len(holder.targets) == 1:
        return made.syntax.code(holder.targets[0].target)
    if isinstance(holder, cst.AnnAssign):
        return made.syntax.code(holder.target)
    return made.site.variable if kept is made.call else ""


def _with_scheduler_step(stepping: StepCall, made: Place, kept: cst.CSTNode, name: str) -> str:
    """Return the source with the scheduler's `step()` inserted below that of the optimizer."""
    syntax, call = stepping.place.syntax, stepping.place.call
    seen = name_at(syntax, kept, name, call) if syntax is made.syntax else None
    if seen is None:
        raise NotApplicable(f"line {syntax.line(call)} is outside the scope of the scheduler's variable")
    text = insert_after(syntax, call, f"{seen}.step()")
    following = statements_after(syntax, call)[:1]
    if following and is_call_statement(following[0], ["zero_grad"]):
        return insert_after(syntax, following[0], f"{seen}.step()")
    return text


def _insert_after_optimizer(script: Script, made: Place, kept: cst.CSTNode, *code: str) -> Script:
    """Insert `code` after the statement that stores the optimizer, import torch if needed, and return the script."""
    text = insert_after(made.syntax, kept, *code)
    return script.edit(made.syntax.file, import_module(made.syntax.file, text, "torch"))
