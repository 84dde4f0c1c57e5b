"""A learning rate that stays: the schedule's place is taken by one that does nothing."""

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
from descend.source.syntax import parse

RATE_OF_A_GROUP = m.Subscript(slice=[m.SubscriptElement(m.Index(m.SimpleString("'lr'") | m.SimpleString('"lr"')))])
UPDATE = m.Call(
    func=m.Attribute(attr=m.Name("update")),
    args=[m.ZeroOrMore(), m.Arg(keyword=m.Name("lr")), m.ZeroOrMore()],
)
TOGETHER = {"SequentialLR", "ChainedScheduler"}


def constant_rate(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Replace the scheduler by `ConstantLR(optimizer, factor=1.0)`; take away what sets the rate by hand.

    It takes no dose.
    """
    if record.site("scheduler") is None:
        return _left_alone(script)
    place = locate(script, record, "scheduler", dose.get("scheduler", "0"))
    if isinstance(place, NotApplicable):
        return place
    if reason := _obstacle(script, record, place):
        return NotApplicable(reason)
    optimizer = find_argument(place.call, "optimizer", 0)
    if optimizer is None or optimizer.star:
        return NotApplicable(f"line {place.syntax.line(place.call)} does not show the scheduler's optimizer")
    arguments = [optimizer, keyword("factor", number(1.0))]
    text = call_instead(place.syntax, place.call, "torch.optim.lr_scheduler.ConstantLR", arguments)
    return text if isinstance(text, NotApplicable) else script.edit(place.syntax.file, text)


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
