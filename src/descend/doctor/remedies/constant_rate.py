"""A learning rate that stays: without its schedule, or with one that does nothing where more than steps read it."""

from collections.abc import Callable
from typing import Any

import libcst as cst
from libcst import matchers as m

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import find_argument, keyword, number
from descend.doctor.source.callee import call_instead
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.names import is_call_of, read_names
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.remove import remove
from descend.doctor.source.syntax import Syntax, parse

RATE_OF_A_GROUP = m.Subscript(slice=[m.SubscriptElement(m.Index(m.SimpleString("'lr'") | m.SimpleString('"lr"')))])
UPDATE = m.Call(
    func=m.Attribute(attr=m.Name("update")),
    args=[m.ZeroOrMore(), m.Arg(keyword=m.Name("lr")), m.ZeroOrMore()],
)
TOGETHER = {"SequentialLR", "ChainedScheduler"}


def constant_rate(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Take the scheduler away, or make it `ConstantLR(optimizer, factor=1.0)`; take away what sets the rate by hand.

    It takes no dose.
    """
    if record.site("scheduler") is None:
        return _left_alone(script)
    place = locate(script, record, "scheduler", dose.get("scheduler", "0"))
    if isinstance(place, NotApplicable):
        return place
    if reason := _obstacle(script, record, place):
        return NotApplicable(reason)
    if (without := _without(script, place)) is not None:
        return without
    optimizer = find_argument(place.call, "optimizer", 0)
    if optimizer is None or optimizer.star:
        return NotApplicable(f"line {place.syntax.line(place.call)} does not show the scheduler's optimizer")
    arguments = [optimizer, keyword("factor", number(1.0))]
    text = call_instead(place.syntax, place.call, "torch.optim.lr_scheduler.ConstantLR", arguments)
    return text if isinstance(text, NotApplicable) else script.edit(place.syntax.file, text)


def _without(script: Script, place: Place) -> Script | None:
    """Return the script without the scheduler and its steps; None where anything else reads it."""
    syntax, assign = place.syntax, place.syntax.parents[place.call]
    if not isinstance(assign, cst.Assign) or len(assign.targets) != 1:
        return None
    name = syntax.code(assign.targets[0].target)
    steps = _steps_of(syntax, name)
    if not steps or len(steps) != len(_named(syntax, name)) - 1 or not name.replace(".", "").isidentifier():
        return None
    without = _removed(syntax, lambda now: next(iter(_steps_of(now, name)), None))
    if isinstance(without, NotApplicable):
        return None
    made = next(a for a in without.every(cst.Assign) if without.code(a.targets[0].target) == name)
    read = {one.value for one in read_names(made.value)}
    without = parse(without.file, remove(without, made))
    if isinstance(without, Syntax):
        without = _removed(without, lambda now: _unused(now, read))
    return None if isinstance(without, NotApplicable) else script.edit(without.file, without.module.code)


def _unused(syntax: Syntax, names: set[str]) -> cst.FunctionDef | None:
    """Return a function of one of those names that nothing in the file calls or reads any more."""
    functions = [one for one in syntax.every(cst.FunctionDef) if one.name.value in names]
    return next((f for f in functions if not [n for n in _named(syntax, f.name.value) if n is not f.name]), None)


def _removed(syntax: Syntax, find: Callable[[Syntax], cst.CSTNode | None]) -> Syntax | NotApplicable:
    """Return the file without the statements that `find` gives, one after another, until it gives none."""
    while (statement := find(syntax)) is not None:
        again = parse(syntax.file, remove(syntax, statement))
        if isinstance(again, NotApplicable):
            return again
        syntax = again
    return syntax


def _named(syntax: Syntax, name: str) -> list[cst.CSTNode]:
    return [node for kind in (cst.Name, cst.Attribute) for node in syntax.every(kind) if syntax.code(node) == name]


def _steps_of(syntax: Syntax, name: str) -> list[cst.Expr]:
    return [step for node in _named(syntax, name) if (step := _step_of(syntax, node)) is not None]


def _step_of(syntax: Syntax, node: cst.CSTNode) -> cst.Expr | None:
    """Return the statement `name.step()` that a name stands in, or None."""
    attribute = syntax.parents[node]
    call = syntax.parents[attribute]
    statement = syntax.parents.get(call)
    is_step = isinstance(attribute, cst.Attribute) and attribute.value is node and attribute.attr.value == "step"
    is_plain = is_step and isinstance(call, cst.Call) and call.func is attribute and not call.args
    return statement if is_plain and isinstance(statement, cst.Expr) else None


def _left_alone(script: Script) -> Script | NotApplicable:
    """Return the script without the statements that change the rate of a group of parameters."""
    syntax = parse(script.path, script.read(script.path))
    without = syntax if isinstance(syntax, NotApplicable) else _removed(syntax, _setting_of_the_rate)
    if isinstance(without, NotApplicable):
        return without
    if without is syntax:
        return NotApplicable("the run did not show a scheduler, and nothing sets the rate by hand")
    return script.edit(without.file, without.module.code)


def _setting_of_the_rate(syntax: Syntax) -> cst.CSTNode | None:
    """Return the first statement that changes the rate of a group of parameters, or None."""
    nodes = [node for kind in (cst.Assign, cst.AugAssign, cst.Call) for node in syntax.every(kind)]
    found = next((node for node in nodes if _sets_the_rate(node)), None)
    if found is None:
        return None
    return next(n for n in (found, *syntax.ancestors(found)) if isinstance(n, cst.BaseSmallStatement))


def _sets_the_rate(node: cst.CSTNode) -> bool:
    """Whether it is `group["lr"] = rate`, or multiplies it, or `group.update(lr=rate)`."""
    if isinstance(node, cst.Assign | cst.AugAssign):
        targets = [t.target for t in node.targets] if isinstance(node, cst.Assign) else [node.target]
        return any(m.matches(target, RATE_OF_A_GROUP) for target in targets)
    return m.matches(node, UPDATE)


def _obstacle(script: Script, record: Record, place: Place) -> str:
    line, kind = place.syntax.line(place.call), place.site.detail
    joined = [site for site in record.sites if site.kind == "scheduler" and site.detail in TOGETHER]
    if joined:
        return f"line {joined[0].line} joins several schedules to one"
    if kind == "ReduceLROnPlateau":
        return f"the schedule in line {line} is stepped with a metric, which a constant one does not take"
    if not is_call_of(place.syntax, place.call, kind):
        return place.inside
    step = locate(script, record, "scheduler_step", place.site.key)
    if isinstance(step, Place) and step.call.args:
        return f"line {step.syntax.line(step.call)} gives the scheduler's step an argument"
    return ""
