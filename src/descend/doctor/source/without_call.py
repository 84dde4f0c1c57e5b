"""A layer or a function taken away: what it was given goes on in its place.

A module becomes `nn.Identity()`, so that the names and numbers in a `state_dict` stay; one that none of them hangs on
goes: the last of a `Sequential`, one that `add_module` adds by a name.
"""

import libcst as cst

from descend.doctor.source.activations import activated, constructor, is_constructor
from descend.doctor.source.arguments import with_arguments
from descend.doctor.source.give_way import give_way
from descend.doctor.source.imports import import_module
from descend.doctor.source.insert import insert_after_block
from descend.doctor.source.locate import Place
from descend.doctor.source.names import enclosing_class, is_call_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.remove import remove
from descend.doctor.source.syntax import Syntax, last_name


def without_call(place: Place) -> str | NotApplicable:
    """Return the file's text without the call of `place.site.detail`, a module's class or a function."""
    syntax, name = place.syntax, place.site.detail
    if not is_call_of(syntax, place.call, name):
        return NotApplicable(place.inside)
    if is_constructor(name):
        if len(uses := _uses(syntax, place.call)) > 1:  # hidden layers share it: the last use is the output's
            return give_way(syntax, uses[-1], uses[-1].args[0].value)
        if (text := _without_element(syntax, place.call) or _popped(syntax, place.call)) is not None:
            return text
        new = constructor(place.call, "identity")
        text = syntax.replace(place.call, new)
        is_told = syntax.code(new) != "torch.nn.Identity()"
        return text if is_told else import_module(syntax.file, text, "torch")
    given = activated(syntax, place.call)
    if given is None:
        return NotApplicable(f"line {syntax.line(place.call)} does not show what {name} gets")
    return give_way(syntax, place.call, given)


def _uses(syntax: Syntax, made: cst.Call) -> list[cst.Call]:
    """Return the calls of a module in its class, where it is made as an attribute of that: `self.relu(x)`."""
    assign, owner = syntax.parents[made], enclosing_class(syntax, made)
    if not isinstance(assign, cst.Assign) or owner is None:
        return []
    name = syntax.code(assign.targets[0].target)
    return [call for call in syntax.every(cst.Call, owner) if syntax.code(call.func) == name and len(call.args) == 1]


def _without_element(syntax: Syntax, made: cst.Call) -> str | None:
    """Return the text without a module that no other one's name depends on; None where it cannot go."""
    argument = syntax.parents[made]
    holder = syntax.parents[argument] if isinstance(argument, cst.Arg) else None
    if not isinstance(holder, cst.Call) or holder.args[-1] is not argument:
        return None
    name = last_name(holder.func)
    if name == "add_module" and isinstance(holder.func, cst.Attribute):
        return remove(syntax, syntax.parents[holder]) if _is_alone(syntax, holder) else None
    is_series = name == "Sequential" and len(holder.args) > 1 and not any(a.star or a.keyword for a in holder.args)
    if not is_series or _is_cut(syntax, holder):
        return None
    return syntax.replace(holder, _without_last(holder))


def _without_last(series: cst.Call) -> cst.Call:
    """Return the call without its last argument, and without the comment beside that."""
    before, last = series.args[-2:]
    shorter = with_arguments(series, series.args[:-1])
    beside, ending = (a.comma.whitespace_after if isinstance(a.comma, cst.Comma) else None for a in (before, last))
    if not isinstance(beside, cst.ParenthesizedWhitespace) or not isinstance(ending, cst.ParenthesizedWhitespace):
        return shorter
    comma = cst.ensure_type(last.comma, cst.Comma).with_changes(
        whitespace_after=ending.with_changes(first_line=beside.first_line)
    )
    return shorter.with_changes(args=[*shorter.args[:-1], shorter.args[-1].with_changes(comma=comma)])


def _popped(syntax: Syntax, made: cst.Call) -> str | None:
    """Return the text in which the last of the modules that a loop puts into a list is taken from it again.

    The loop's last statement puts it there: `layers.append(nn.ReLU())`, or at the end of `layers += [...]`.
    """
    statement = next((outer for outer in syntax.ancestors(made) if isinstance(outer, cst.BaseSmallStatement)), None)
    line = syntax.parents[statement] if statement is not None else None
    block = syntax.parents[line] if line is not None else None
    loop = syntax.parents[block] if isinstance(block, cst.IndentedBlock) else None
    if statement is None or not isinstance(loop, cst.For) or block.body[-1] is not line:  # type: ignore[union-attr]
        return None
    series = _appended_to(statement, made)
    return None if series is None else insert_after_block(syntax, loop, f"{syntax.code(series)}.pop()")


def _appended_to(statement: cst.BaseSmallStatement, made: cst.Call) -> cst.BaseExpression | None:
    """Return the list of which a statement makes a module the last element."""
    if isinstance(statement, cst.AugAssign) and isinstance(statement.value, cst.List):
        last = statement.value.elements[-1] if statement.value.elements else None
        return statement.target if last is not None and last.value is made else None
    call = statement.value if isinstance(statement, cst.Expr) else None
    is_append = (
        isinstance(call, cst.Call) and last_name(call.func) == "append" and [a.value for a in call.args] == [made]
    )
    return call.func.value if is_append and isinstance(call.func, cst.Attribute) else None  # type: ignore[union-attr]


def _is_alone(syntax: Syntax, call: cst.Call) -> bool:
    """Whether a call is a statement of its own, of an object that nothing is read from by a number."""
    assert isinstance(call.func, cst.Attribute)
    return isinstance(syntax.parents[call], cst.Expr) and not _is_numbered(syntax, syntax.code(call.func.value))


def _is_cut(syntax: Syntax, series: cst.Call) -> bool:
    """Whether elements of the series are read by their number, or it has no name that would show it."""
    assign = syntax.parents[series]
    if not isinstance(assign, cst.Assign | cst.Return):
        return True
    return isinstance(assign, cst.Assign) and any(_is_numbered(syntax, syntax.code(t.target)) for t in assign.targets)


def _is_numbered(syntax: Syntax, name: str) -> bool:
    return any(syntax.code(read.value) == name for read in syntax.every(cst.Subscript))
