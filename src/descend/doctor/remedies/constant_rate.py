"""Keep the learning rate constant: remove the scheduler, or replace it by one without effect if other code reads it."""

from collections.abc import Callable

import libcst as cst
from libcst import matchers as m

from descend.doctor.codemod.arguments import find_argument, keyword_argument, number_expression
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.names import is_call_of, names_read
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.remove import remove_statement
from descend.doctor.codemod.replace_callee import replace_callee
from descend.doctor.codemod.syntax import Syntax, parse
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import SchedulerArguments
from descend.doctor.script.script import Script

RATE_OF_A_GROUP = m.Subscript(slice=[m.SubscriptElement(m.Index(m.SimpleString("'lr'") | m.SimpleString('"lr"')))])
UPDATE = m.Call(
    func=m.Attribute(attr=m.Name("update")),
    args=[m.ZeroOrMore(), m.Arg(keyword=m.Name("lr")), m.ZeroOrMore()],
)
TOGETHER = {"SequentialLR", "ChainedScheduler"}


def constant_rate(script: Script, record: Record, arguments: SchedulerArguments) -> Script:
    """Remove the learning-rate scheduler, or replace it by `ConstantLR(optimizer, factor=1.0)` if other code reads it.

    Without a scheduler, remove the statements that assign the learning rate.
    """
    if record.site(SiteKind.SCHEDULER) is None:
        return _without_manual_rates(script)
    place = locate(script, record, SiteKind.SCHEDULER, arguments.scheduler)
    if reason := _obstacle_message(script, record, place):
        raise NotApplicable(reason)
    if (without := _without_scheduler(script, place)) is not None:
        return without
    optimizer = find_argument(place.call, "optimizer", 0)
    if optimizer is None or optimizer.star:
        raise NotApplicable(f"line {place.syntax.line(place.call)} does not name the scheduler's optimizer")
    given = [optimizer, keyword_argument("factor", number_expression(1.0))]
    text = replace_callee(place.syntax, place.call, "torch.optim.lr_scheduler.ConstantLR", given)
    return script.edit(place.syntax.file, text)


def _without_scheduler(script: Script, place: Place) -> Script | None:
    """Return the script without the scheduler and its `step()` calls. None if other code reads the scheduler."""
    syntax, assign = place.syntax, place.syntax.parents[place.call]
    if not isinstance(assign, cst.Assign) or len(assign.targets) != 1:
        return None
    name = syntax.code(assign.targets[0].target)
    steps = _scheduler_steps(syntax, name)
    if not steps or len(steps) != len(_uses_of_variable(syntax, name)) - 1 or not name.replace(".", "").isidentifier():
        return None
    try:
        without = _without_statements(syntax, lambda now: next(iter(_scheduler_steps(now, name)), None))
        made = next(a for a in without.every(cst.Assign) if without.code(a.targets[0].target) == name)
        read = {one.value for one in names_read(made.value)}
        without = parse(without.file, remove_statement(without, made))
        without = _without_statements(without, lambda now: _unused_function(now, read))
    except NotApplicable:
        return None
    return script.edit(without.file, without.module.code)


def _unused_function(syntax: Syntax, names: set[str]) -> cst.FunctionDef | None:
    """Return a function that has one of the given names and is used nowhere in the file, or None."""
    functions = [one for one in syntax.every(cst.FunctionDef) if one.name.value in names]
    return next(
        (f for f in functions if not [n for n in _uses_of_variable(syntax, f.name.value) if n is not f.name]), None
    )


def _without_statements(syntax: Syntax, find: Callable[[Syntax], cst.CSTNode | None]) -> Syntax:
    """Remove the statements that `find` returns, until it returns None. Return the remaining source, parsed."""
    while (statement := find(syntax)) is not None:
        syntax = parse(syntax.file, remove_statement(syntax, statement))
    return syntax


def _uses_of_variable(syntax: Syntax, name: str) -> list[cst.CSTNode]:
    """Return every use of the variable or attribute `name`, such as `self.scheduler`, in the file."""
    return [node for kind in (cst.Name, cst.Attribute) for node in syntax.every(kind) if syntax.code(node) == name]


def _scheduler_steps(syntax: Syntax, name: str) -> list[cst.Expr]:
    """Return the statements `scheduler.step()` in the file, for the scheduler in the variable `name`."""
    return [
        step for node in _uses_of_variable(syntax, name) if (step := _scheduler_step_around(syntax, node)) is not None
    ]


def _scheduler_step_around(syntax: Syntax, node: cst.CSTNode) -> cst.Expr | None:
    """Return the statement `scheduler.step()` in which the node is the variable `scheduler`; None for other uses."""
    attribute = syntax.parents[node]
    call = syntax.parents[attribute]
    statement = syntax.parents.get(call)
    is_step = isinstance(attribute, cst.Attribute) and attribute.value is node and attribute.attr.value == "step"
    is_plain = is_step and isinstance(call, cst.Call) and call.func is attribute and not call.args
    return statement if is_plain and isinstance(statement, cst.Expr) else None


def _without_manual_rates(script: Script) -> Script:
    """Return the script without the statements that set the learning rate of a parameter group by hand."""
    syntax = parse(script.path, script.read(script.path))
    without = _without_statements(syntax, _first_rate_statement)
    if without is syntax:
        raise NotApplicable("the run did not show a scheduler, and no statement sets the learning rate by hand")
    return script.edit(without.file, without.module.code)


def _first_rate_statement(syntax: Syntax) -> cst.CSTNode | None:
    """Return the first statement, such as `group["lr"] = rate`, that sets the learning rate of a parameter group."""
    nodes = [node for kind in (cst.Assign, cst.AugAssign, cst.Call) for node in syntax.every(kind)]
    found = next((node for node in nodes if _sets_learning_rate(node)), None)
    if found is None:
        return None
    return next(n for n in (found, *syntax.ancestors(found)) if isinstance(n, cst.BaseSmallStatement))


def _sets_learning_rate(node: cst.CSTNode) -> bool:
    """Return whether the code sets the learning rate of a parameter group, such as `group["lr"] *= 0.5`."""
    if isinstance(node, cst.Assign | cst.AugAssign):
        targets = [t.target for t in node.targets] if isinstance(node, cst.Assign) else [node.target]
        return any(m.matches(target, RATE_OF_A_GROUP) for target in targets)
    return m.matches(node, UPDATE)


def _obstacle_message(script: Script, record: Record, place: Place) -> str:
    """Return why the scheduler cannot be removed, or "" if it can."""
    line, kind = place.syntax.line(place.call), place.site.detail
    joined = [site for site in record.sites if site.kind == SiteKind.SCHEDULER and site.detail in TOGETHER]
    if joined:
        return f"line {joined[0].line} combines several schedulers into one"
    if kind == "ReduceLROnPlateau":
        return f"the schedule in line {line} passes a metric to `step`, which a constant schedule does not accept"
    if not is_call_of(place.syntax, place.call, kind):
        return place.indirect_call_message
    step = if_applicable(locate, script, record, SiteKind.SCHEDULER_STEP, place.site.key)
    if step is not None and step.call.args:
        return f"line {step.syntax.line(step.call)} passes an argument to the scheduler's step"
    return ""
