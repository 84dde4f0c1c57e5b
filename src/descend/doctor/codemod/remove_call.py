"""Remove the call of a layer or function, so that its input is passed on unchanged.

A module is replaced by ``nn.Identity()``, so that the keys of a ``state_dict`` stay the same. It is removed if no key
depends on it: as the last element of a ``Sequential``, or in ``add_module`` with a name.
"""

import libcst as cst

from descend.doctor.codemod.activations import activation_input, construct_activation, is_class_name
from descend.doctor.codemod.arguments import with_arguments
from descend.doctor.codemod.imports import import_module
from descend.doctor.codemod.insert import insert_after_block
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.names import enclosing_class, is_call_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.remove import remove_statement
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.codemod.unwrap_call import unwrap_call


def remove_call(place: Place) -> str:
    """Return the source without a recorded layer, such as ``nn.ReLU()``, or a recorded function call, ``F.relu(x)``."""
    syntax, name = place.syntax, place.site.detail
    if not is_call_of(syntax, place.call, name):
        raise NotApplicable(place.indirect_call_message)
    if is_class_name(name):
        # If several layers share the module, its last call is the one at the output.
        if len(uses := _calls_of_attribute(syntax, place.call)) > 1:
            return unwrap_call(syntax, uses[-1], uses[-1].args[0].value)
        if (text := _without_last_module(syntax, place.call) or _popped_after_loop(syntax, place.call)) is not None:
            return text
        new = construct_activation(place.call, "identity")
        text = syntax.replace(place.call, new)
        has_prefix = syntax.code(new) != "torch.nn.Identity()"
        return text if has_prefix else import_module(syntax.file, text, "torch")
    given = activation_input(syntax, place.call)
    if given is None:
        raise NotApplicable(f"line {syntax.line(place.call)} does not show the input of {name}")
    return unwrap_call(syntax, place.call, given)


def _calls_of_attribute(syntax: Syntax, made: cst.Call) -> list[cst.Call]:
    """Return the calls of a module, such as ``self.relu(x)``, if the class stores the module as an attribute."""
    assign, owner = syntax.parents[made], enclosing_class(syntax, made)
    if not isinstance(assign, cst.Assign) or owner is None:
        return []
    name = syntax.code(assign.targets[0].target)
    return [call for call in syntax.every(cst.Call, owner) if syntax.code(call.func) == name and len(call.args) == 1]


def _without_last_module(syntax: Syntax, made: cst.Call) -> str | None:
    """Return the source without the last module of a Sequential; None if other code may index the Sequential."""
    argument = syntax.parents[made]
    holder = syntax.parents[argument] if isinstance(argument, cst.Arg) else None
    if not isinstance(holder, cst.Call) or holder.args[-1] is not argument:
        return None
    name = last_name(holder.func)
    if name == "add_module" and isinstance(holder.func, cst.Attribute):
        return remove_statement(syntax, syntax.parents[holder]) if _is_own_statement(syntax, holder) else None
    is_series = name == "Sequential" and len(holder.args) > 1 and not any(a.star or a.keyword for a in holder.args)
    if not is_series or _is_indexed_or_unnamed(syntax, holder):
        return None
    return syntax.replace(holder, _without_last_argument(holder))


def _without_last_argument(series: cst.Call) -> cst.Call:
    """Return the call without its last argument and without the comment next to it."""
    before, last = series.args[-2:]
    shorter = with_arguments(series, series.args[:-1])
    previous, ending = (a.comma.whitespace_after if isinstance(a.comma, cst.Comma) else None for a in (before, last))
    if not isinstance(previous, cst.ParenthesizedWhitespace) or not isinstance(ending, cst.ParenthesizedWhitespace):
        return shorter
    comma = cst.ensure_type(last.comma, cst.Comma).with_changes(
        whitespace_after=ending.with_changes(first_line=previous.first_line)
    )
    return shorter.with_changes(args=[*shorter.args[:-1], shorter.args[-1].with_changes(comma=comma)])


def _popped_after_loop(syntax: Syntax, made: cst.Call) -> str | None:
    """Return the source with ``layers.pop()`` after a loop that appends the module; None for other code.

    The loop's last statement appends the module: ``layers.append(nn.ReLU())``, or the end of ``layers += [...]``.
    """
    statement = next((outer for outer in syntax.ancestors(made) if isinstance(outer, cst.BaseSmallStatement)), None)
    line = syntax.parents[statement] if statement is not None else None
    block = syntax.parents[line] if line is not None else None
    loop = syntax.parents[block] if isinstance(block, cst.IndentedBlock) else None
    if statement is None or not isinstance(loop, cst.For) or block.body[-1] is not line:  # type: ignore[union-attr]
        return None
    series = _list_appended_to(statement, made)
    return None if series is None else insert_after_block(syntax, loop, f"{syntax.code(series)}.pop()")


def _list_appended_to(statement: cst.BaseSmallStatement, made: cst.Call) -> cst.BaseExpression | None:
    """Return the list to which a statement appends the module as its last element, or None."""
    if isinstance(statement, cst.AugAssign) and isinstance(statement.value, cst.List):
        last = statement.value.elements[-1] if statement.value.elements else None
        return statement.target if last is not None and last.value is made else None
    call = statement.value if isinstance(statement, cst.Expr) else None
    is_append = (
        isinstance(call, cst.Call) and last_name(call.func) == "append" and [a.value for a in call.args] == [made]
    )
    return call.func.value if is_append and isinstance(call.func, cst.Attribute) else None  # type: ignore[union-attr]


def _is_own_statement(syntax: Syntax, call: cst.Call) -> bool:
    """Return whether a call is a separate statement, and nothing indexes the object whose method is called."""
    assert isinstance(call.func, cst.Attribute)
    return isinstance(syntax.parents[call], cst.Expr) and not _is_indexed(syntax, syntax.code(call.func.value))


def _is_indexed_or_unnamed(syntax: Syntax, series: cst.Call) -> bool:
    """Return whether the file indexes a Sequential, or may do so because the Sequential has no name."""
    assign = syntax.parents[series]
    if not isinstance(assign, cst.Assign | cst.Return):
        return True
    return isinstance(assign, cst.Assign) and any(_is_indexed(syntax, syntax.code(t.target)) for t in assign.targets)


def _is_indexed(syntax: Syntax, name: str) -> bool:
    """Return whether the file indexes the variable, as in ``layers[0]``."""
    return any(syntax.code(read.value) == name for read in syntax.every(cst.Subscript))
