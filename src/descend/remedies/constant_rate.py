"""A learning rate that stays: without its schedule, or with one that does nothing where more than steps read it."""

from typing import Any

import libcst as cst
from libcst import matchers as m

from descend.record import Record
from descend.script import Script
from descend.source.arguments import find_argument, keyword, number
from descend.source.callee import call_instead
from descend.source.locate import Place, locate
from descend.source.names import is_call_of
from descend.source.not_applicable import NotApplicable
from descend.source.remove import remove
from descend.source.syntax import Syntax, parse

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
    target = assign.targets[0].target
    name = syntax.code(target)
    read = [node for kind in (cst.Name, cst.Attribute) for node in syntax.every(kind) if syntax.code(node) == name]
    steps = [step for node in read if (step := _step_of(syntax, node)) is not None]
    if not steps or len(steps) != len(read) - 1 or not name.replace(".", "").isidentifier():
        return None
    for _ in steps:
        found = [step for node in syntax.every(type(target)) if syntax.code(node) == name
                 and (step := _step_of(syntax, node)) is not None]  # fmt: skip
        again = parse(syntax.file, remove(syntax, found[0]))
        if isinstance(again, NotApplicable):
            return None
        syntax = again
    made = next(a for a in syntax.every(cst.Assign) if syntax.code(a.targets[0].target) == name)
    return script.edit(syntax.file, remove(syntax, made))


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
    edited = script
    while True:
        syntax = parse(script.path, edited.read(script.path))
        if isinstance(syntax, NotApplicable):
            return syntax
        statements = [node for kind in (cst.Assign, cst.AugAssign, cst.Call) for node in syntax.every(kind)]
        found = [node for node in statements if _sets_the_rate(node)]
        if not found:
            break
        around = next(n for n in (found[0], *syntax.ancestors(found[0])) if isinstance(n, cst.BaseSmallStatement))
        edited = edited.edit(syntax.file, remove(syntax, around))
    return (
        NotApplicable("the run did not show a scheduler, and nothing sets the rate by hand")
        if edited is script
        else edited
    )


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
