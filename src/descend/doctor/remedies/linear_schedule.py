"""A learning rate that rises or falls in a straight line over a number of steps: a warm-up, a decay."""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.aliases import name_at
from descend.doctor.source.arguments import makes_optimizer, number_text
from descend.doctor.source.beside import is_call_in, statements_after
from descend.doctor.source.callers import way_out
from descend.doctor.source.imports import import_module
from descend.doctor.source.insert import insert_after
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.names import enclosing_class, free_name
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.run_length import run_length
from descend.doctor.source.stepping import Stepping, find_stepping
from descend.doctor.source.syntax import Syntax
from descend.doctor.source.trainer_arguments import trainer_argument

SCHEDULE = "torch.optim.lr_scheduler.LinearLR"


def linear_schedule(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `decay = LinearLR(optimizer, 1.0, 0.0, total_iters=epochs * len(loader))`, and `decay.step()` after steps.

    The dose gives the factors of the rate at the `start` and at the `end` of that many `steps`: all of the run's where
    it falls. Where the step cannot see the schedule, as in a function that gets the optimizer, a hook of the optimizer
    steps it.
    """
    key = dose.get("optimizer", "0")
    made, stepping = locate(script, record, "optimizer", key), find_stepping(script, record, key)
    if isinstance(made, NotApplicable):
        return _of_trainer(script, record, dose, made)
    kept = _kept(made, stepping)
    optimizer = _variable(made, kept)
    if not makes_optimizer(made) or not optimizer:
        return NotApplicable(f"line {made.syntax.line(made.call)} gives the optimizer no name")
    owner, dot, _ = optimizer.rpartition(".")
    start, end = float(dose["start"]), float(dose["end"])
    steps = (_whole_run(script, record, made, stepping, kept) if end < start else "") or int(dose["steps"])
    name = owner + dot + free_name(made.syntax, "decay" if end < start else "warmup", of_object=bool(owner))
    schedule = f"{name} = {SCHEDULE}({optimizer}, {_factor(start)}, {_factor(end)}, total_iters={steps})"
    text = _with_step(stepping, made, kept, name)
    if isinstance(text, NotApplicable):
        hook = f"{optimizer}.register_step_post_hook(lambda *_: {name}.step())"
        return _edited(script, made, kept, schedule, hook)
    stepped = script.edit(made.syntax.file, text)
    again, stepping = locate(stepped, record, "optimizer", key), find_stepping(stepped, record, key)
    return again if isinstance(again, NotApplicable) else _edited(stepped, again, _kept(again, stepping), schedule)


def _whole_run(
    script: Script, record: Record, made: Place, stepping: Stepping | NotApplicable, kept: cst.CSTNode
) -> str:
    """Return the steps of the run as the source counts them; "" where it does not show that."""
    if isinstance(stepping, NotApplicable) or stepping.place.syntax is not made.syntax:
        return ""
    return run_length(script, record, made.syntax, stepping.place.call, kept) or ""


def _factor(share: float) -> str:
    """Return a share of the rate as it would be written by hand: 1 / 48."""
    parts = round(1 / share) if share > 0 else 0
    is_part = parts > 1 and abs(1 / parts - share) < 1e-9
    return f"1 / {parts}" if is_part and parts not in (2, 4, 5, 10, 20, 50, 100, 1000) else number_text(share)


def _of_trainer(
    script: Script, record: Record, dose: dict[str, Any], otherwise: NotApplicable
) -> Script | NotApplicable:
    """Return the script whose trainer warms its own schedule up; such a schedule comes down by itself."""
    if dose["end"] < dose["start"]:
        return otherwise
    warm_up = "warmup_steps", int(dose["steps"])
    return trainer_argument(script, record, dose.get("optimizer", "0"), warm_up, otherwise)


def _kept(made: Place, stepping: Stepping | NotApplicable) -> cst.CSTNode:
    """Return the value of the statement that keeps the optimizer.

    That is the optimizer's own call, the call of the function that returns it, or the parameter of a constructor
    that gets it (`self.optimizer = optimizer`).
    """
    syntax = made.syntax
    for node in way_out(syntax, made.call):
        if not isinstance(syntax.parents[node], cst.Return | cst.Arg):
            return node
        if isinstance(syntax.parents[node], cst.Arg) and isinstance(stepping, Stepping):
            return _kept_as(syntax, stepping) or made.call
    return made.call


def _kept_as(syntax: Syntax, stepping: Stepping) -> cst.BaseExpression | None:
    """Return what an object keeps as the optimizer that it steps."""
    if stepping.place.syntax is not syntax or not stepping.optimizer.startswith("self."):
        return None
    owner = enclosing_class(syntax, stepping.place.call)
    assigned = [
        a for a in syntax.every(cst.Assign, owner) if stepping.optimizer in [syntax.code(t.target) for t in a.targets]
    ]
    return assigned[0].value if len(assigned) == 1 else None


def _variable(made: Place, kept: cst.CSTNode) -> str:
    """Return what the optimizer is assigned to, as far as the statement shows it."""
    holder = made.syntax.parents[kept]
    if isinstance(holder, cst.Assign) and len(holder.targets) == 1:
        return made.syntax.code(holder.targets[0].target)
    if isinstance(holder, cst.AnnAssign):
        return made.syntax.code(holder.target)
    return made.site.variable if kept is made.call else ""


def _with_step(stepping: Stepping | NotApplicable, made: Place, kept: cst.CSTNode, name: str) -> str | NotApplicable:
    """Return the text with `name.step()` after the optimizer's step, and after what clears the gradients there."""
    if isinstance(stepping, NotApplicable):
        return stepping
    syntax, call = stepping.place.syntax, stepping.place.call
    seen = name_at(syntax, kept, name, call) if syntax is made.syntax else None
    if seen is None:
        return NotApplicable(f"line {syntax.line(call)} does not see the schedule")
    text = insert_after(syntax, call, f"{seen}.step()")
    following = statements_after(syntax, call)[:1] if isinstance(text, str) else []
    if following and is_call_in(following[0], ["zero_grad"]):
        return insert_after(syntax, following[0], f"{seen}.step()")
    return text


def _edited(script: Script, made: Place, kept: cst.CSTNode, *code: str) -> Script | NotApplicable:
    text = insert_after(made.syntax, kept, *code)
    if isinstance(text, str):
        text = import_module(made.syntax.file, text, "torch")
    return text if isinstance(text, NotApplicable) else script.edit(made.syntax.file, text)
