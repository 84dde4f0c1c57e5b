"""One argument of a call, changed at the number in the source that it comes from, or else in the call.

LR = 0.5                                         # the number is nobody else's: it is changed here
optimizer = SGD(model.parameters(), lr=LR)       # else this is
optimizer = SGD(model.parameters(), lr=cfg.lr)   # or the file of settings that the run has read
optimizer = SGD(model.parameters())              # or this: lr=0.01 is added
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst

from descend.doctor.record import Record, facts
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import find_argument, keyword, number_like, positional, with_arguments, written
from descend.doctor.source.configuration import Scalar, configured, put
from descend.doctor.source.help_text import help_text
from descend.doctor.source.literals import follow, is_read_elsewhere
from descend.doctor.source.locate import Place
from descend.doctor.source.names import is_call_of, mapping_entry, text_of, value_behind
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name


@dataclass(frozen=True)
class Setting:
    """What a call takes as an argument."""

    name: str  # of the keyword
    index: int | None  # the place of the argument, where it can be given by its place
    words: str  # what is said of it
    is_own: bool = True  # whether the located call takes it itself, not something further inside
    now: Any = None  # the value that the run showed, where it did


@dataclass(frozen=True, eq=False)
class Edit:
    """One node of the source, and what it becomes."""

    old: cst.CSTNode
    new: cst.CSTNode


@dataclass(frozen=True)
class Reset:
    """One scalar in a file of settings, and its new value."""

    old: Scalar
    value: Any


def loader_setting(place: Place, name: str, index: int, words: str) -> Setting:
    """Return an argument of a `DataLoader`, or of what makes one."""
    is_own = is_call_of(place.syntax, place.call, "DataLoader") or last_name(place.call.func).endswith("Loader")
    return Setting(name, index, words, is_own)


def set_argument(
    place: Place, setting: Setting, value: Any, script: Script, record: Record, shared: Sequence[cst.CSTNode] = ()
) -> Edit | Reset | NotApplicable:
    """Return the edit that gives the argument its value; see `follow` for `shared`."""
    expression = find_setting(place, setting)
    if expression is None:
        return Edit(place.call, _with_added(place.call, setting, written(value)))
    if isinstance(expression, NotApplicable):
        scalar = _in_unpacked(place, setting, script, record)
        return expression if scalar is None else Reset(scalar, value)
    if record.fact(facts.Ineffective, setting.name) is not None:
        return Edit(expression, written(value))  # the number that it comes from has been changed, and nothing else did
    literal = follow(place.syntax, expression, script.arguments, shared)
    if literal is None and isinstance(value, int | float) and not is_read_elsewhere(place.syntax, expression, shared):
        scalar = configured(script, record, place.syntax, expression, setting.now)
        if scalar is not None:
            return Reset(scalar, value)
    if literal is None or not isinstance(value, float):
        return Edit(literal or expression, written(value))
    return Edit(literal, cst.parse_expression(number_like(value, place.syntax.code(literal))))


def _in_unpacked(place: Place, setting: Setting, script: Script, record: Record) -> Scalar | None:
    """Return what gives the argument in the file of settings whose group is unpacked into the call."""
    unpacked = [argument.value for argument in place.call.args if argument.star == "**"]
    if len(unpacked) != 1 or setting.now is None:
        return None
    return configured(script, record, place.syntax, unpacked[0], setting.now, (setting.name,))


def apply(script: Script, syntax: Syntax, edits: Sequence[Edit | Reset], words: str) -> Script | NotApplicable:
    """Return the script with the edits in one of its files; not applicable where all of it is so already."""
    edited = put(script, {edit.old: edit.value for edit in edits if isinstance(edit, Reset)})
    own = [edit for edit in edits if isinstance(edit, Edit)]
    told = [known for edit in own if (known := help_text(syntax, edit.old, syntax.code(edit.new))) is not None]
    text = syntax.replace_all(dict([*((edit.old, edit.new) for edit in own), *told]))
    if text != syntax.module.code:
        edited = edited.edit(syntax.file, text)
    if edited.edits == script.edits:
        return NotApplicable(f"the {words} is {_shown(syntax, edits[0])} already")
    return edited


def _shown(syntax: Syntax, edit: Edit | Reset) -> str:
    return syntax.code(edit.new) if isinstance(edit, Edit) else edit.old.text


def find_setting(place: Place, setting: Setting) -> cst.BaseExpression | None | NotApplicable:
    """Return the expression that gives the argument; None when the call leaves it to its default."""
    call = place.call
    is_listed = any(argument.star == "*" for argument in call.args)
    argument = find_argument(call, setting.name, None if is_listed else setting.index)
    if argument is not None and (argument.keyword is not None or setting.is_own):
        return argument.value
    if not setting.is_own:
        return NotApplicable(place.inside)
    if is_listed:
        return NotApplicable(f"the arguments in line {place.syntax.line(call)} come out of a list")
    for argument in call.args:
        if argument.star == "**":
            return _unpacked(place, argument.value, setting)
    return None


def _unpacked(place: Place, mapping: cst.BaseExpression, setting: Setting) -> cst.BaseExpression | None | NotApplicable:
    code = place.syntax.code(mapping)
    origin = mapping if isinstance(mapping, cst.Dict | cst.Call) else value_behind(place.syntax, mapping)
    value = mapping_entry(origin, setting.name)
    if value is None:
        return None if _is_all_told(origin) else NotApplicable(f"the {setting.words} comes out of `**{code}`")
    uses = [a for a in place.syntax.every(cst.Arg) if a.star == "**" and place.syntax.code(a.value) == code]
    return value if len(uses) == 1 else NotApplicable(f"`**{code}` serves another call, too")


def _is_all_told(mapping: cst.BaseExpression | None) -> bool:
    """Return whether every key of the mapping is written out."""
    if isinstance(mapping, cst.Dict):
        return all(isinstance(e, cst.DictElement) and text_of(e.key) is not None for e in mapping.elements)
    is_dict = isinstance(mapping, cst.Call) and last_name(mapping.func) == "dict"
    return is_dict and all(argument.keyword is not None for argument in getattr(mapping, "args", ()))


def _with_added(call: cst.Call, setting: Setting, value: cst.BaseExpression) -> cst.Call:
    added = keyword(setting.name, value)
    if setting.index != 1 or not call.args:
        return with_arguments(call, [*call.args, added])
    first, *others = call.args
    at_first = positional(call)[:1] == [first] or first.keyword is not None
    return with_arguments(call, [first, added, *others] if at_first else [*call.args, added])
