"""Change one argument of a call: edit the number that defines it, or the call itself.

LR = 0.5                                         # edited here if nothing else reads the number
optimizer = SGD(model.parameters(), lr=LR)       # else edited here
optimizer = SGD(model.parameters(), lr=cfg.lr)   # or in the settings file that the run has read
optimizer = SGD(model.parameters())              # or lr=0.01 is added
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst

from descend.doctor.codemod.arguments import (
    find_argument,
    format_number_like,
    keyword_argument,
    literal_expression,
    positional_arguments,
    with_arguments,
)
from descend.doctor.codemod.file_scalars import Scalar, replace_scalars
from descend.doctor.codemod.help_text import update_help_text
from descend.doctor.codemod.literals import find_literal, is_read_elsewhere
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.names import is_call_of, mapping_value, string_value, value_of
from descend.doctor.codemod.not_applicable import AlreadySet, NotApplicable
from descend.doctor.codemod.settings_files import find_scalar
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record, facts
from descend.doctor.script.script import Script


@dataclass(frozen=True)
class Setting:
    """An argument of a call that a remedy changes, such as the learning rate of an optimizer."""

    name: str  # the argument's keyword
    index: int | None  # the argument's position, counted from 0; None if it is passed only by keyword
    words: str  # the argument's name in messages for the user
    is_own: bool = True  # False if the called function passes the argument on to another call
    now: Any = None  # the argument's value in the recorded run; None if it is unknown


@dataclass(frozen=True, eq=False)
class NodeEdit:
    """A node of the syntax tree, and the node that replaces it."""

    old: cst.CSTNode
    new: cst.CSTNode


@dataclass(frozen=True)
class ScalarEdit:
    """A number or boolean in a settings file, such as a YAML file, and its new value."""

    old: Scalar
    value: Any


def loader_setting(place: Place, name: str, index: int, words: str) -> Setting:
    """Return the description of an argument of a `DataLoader`, or of a function that creates a loader."""
    is_own = is_call_of(place.syntax, place.call, "DataLoader") or last_name(place.call.func).endswith("Loader")
    return Setting(name, index, words, is_own)


def set_argument(
    place: Place, setting: Setting, value: Any, script: Script, record: Record, shared: Sequence[cst.CSTNode] = ()
) -> NodeEdit | ScalarEdit:
    """Return the edit that sets an argument of a call to a new value, in the source or in a settings file.

    The nodes `shared` may also read the number that defines the old value.
    """
    try:
        expression = find_setting(place, setting)
    except NotApplicable:
        scalar = _scalar_in_unpacked_settings(place, setting, script, record)
        if scalar is None:
            raise
        return ScalarEdit(scalar, value)
    if expression is None:
        return NodeEdit(place.call, _with_added_argument(place.call, setting, literal_expression(value)))
    if record.fact(facts.Ineffective, setting.name) is not None:
        # An earlier edit of the number that defines the argument had no effect, so the call itself is edited.
        return NodeEdit(expression, literal_expression(value))
    literal = find_literal(place.syntax, expression, script.arguments, shared)
    if literal is None and isinstance(value, int | float) and not is_read_elsewhere(place.syntax, expression, shared):
        scalar = find_scalar(script, record, place.syntax, expression, setting.now)
        if scalar is not None:
            return ScalarEdit(scalar, value)
    if literal is None or not isinstance(value, float):
        return NodeEdit(literal or expression, literal_expression(value))
    return NodeEdit(literal, cst.parse_expression(format_number_like(value, place.syntax.code(literal))))


def _scalar_in_unpacked_settings(place: Place, setting: Setting, script: Script, record: Record) -> Scalar | None:
    """Return the argument's value in a settings file that the script unpacks into the call, or None."""
    unpacked = [argument.value for argument in place.call.args if argument.star == "**"]
    if len(unpacked) != 1 or setting.now is None:
        return None
    return find_scalar(script, record, place.syntax, unpacked[0], setting.now, (setting.name,))


def apply_edits(script: Script, syntax: Syntax, edits: Sequence[NodeEdit | ScalarEdit], words: str) -> Script:
    """Return the script after all edits of one file. Raise `AlreadySet` if they change nothing."""
    edited = replace_scalars(script, {edit.old: edit.value for edit in edits if isinstance(edit, ScalarEdit)})
    own = [edit for edit in edits if isinstance(edit, NodeEdit)]
    help_texts = [
        known for edit in own if (known := update_help_text(syntax, edit.old, syntax.code(edit.new))) is not None
    ]
    text = syntax.replace_all(dict([*((edit.old, edit.new) for edit in own), *help_texts]))
    if text != syntax.module.code:
        edited = edited.edit(syntax.file, text)
    if edited.edits == script.edits:
        raise AlreadySet(f"the {words} is {_old_code(syntax, edits[0])} already")
    return edited


def _old_code(syntax: Syntax, edit: NodeEdit | ScalarEdit) -> str:
    """Return the value of an argument before its edit as code, for an error message."""
    return syntax.code(edit.new) if isinstance(edit, NodeEdit) else edit.old.text


def find_setting(place: Place, setting: Setting) -> cst.BaseExpression | None:
    """Return the expression that the call passes for an argument, or None if the call uses the default."""
    call = place.call
    is_listed = any(argument.star == "*" for argument in call.args)
    argument = find_argument(call, setting.name, None if is_listed else setting.index)
    if argument is not None and (argument.keyword is not None or setting.is_own):
        return argument.value
    if not setting.is_own:
        raise NotApplicable(place.indirect_call_message)
    if is_listed:
        raise NotApplicable(f"line {place.syntax.line(call)} unpacks a list into the call's arguments")
    for argument in call.args:
        if argument.star == "**":
            return _unpacked_value(place, argument.value, setting)
    return None


def _unpacked_value(place: Place, mapping: cst.BaseExpression, setting: Setting) -> cst.BaseExpression | None:
    """Return an argument's value in a mapping that the call unpacks (``**options``); None if the mapping lacks it."""
    code = place.syntax.code(mapping)
    origin = mapping if isinstance(mapping, cst.Dict | cst.Call) else value_of(place.syntax, mapping)
    value = mapping_value(origin, setting.name)
    if value is None:
        if not has_only_known_keys(origin):
            raise NotApplicable(f"the {setting.words} is passed by `**{code}`, whose keys are not in the source")
        return None
    uses = [a for a in place.syntax.every(cst.Arg) if a.star == "**" and place.syntax.code(a.value) == code]
    if len(uses) != 1:
        raise NotApplicable(f"`**{code}` is also passed to another call")
    return value


def has_only_known_keys(mapping: cst.BaseExpression | None) -> bool:
    """Return whether a mapping is written out in the source with all its keys, as ``{"lr": 0.1}`` is."""
    if isinstance(mapping, cst.Dict):
        return all(isinstance(e, cst.DictElement) and string_value(e.key) is not None for e in mapping.elements)
    is_dict = isinstance(mapping, cst.Call) and last_name(mapping.func) == "dict"
    return is_dict and all(argument.keyword is not None for argument in getattr(mapping, "args", ()))


def _with_added_argument(call: cst.Call, setting: Setting, value: cst.BaseExpression) -> cst.Call:
    """Return the call with one more keyword argument; a learning rate comes directly after the parameters."""
    added = keyword_argument(setting.name, value)
    if setting.index != 1 or not call.args:
        return with_arguments(call, [*call.args, added])
    first, *others = call.args
    at_first = positional_arguments(call)[:1] == [first] or first.keyword is not None
    return with_arguments(call, [first, added, *others] if at_first else [*call.args, added])
