"""One argument of a call, changed at the number in the source that it comes from, or else in the call.

LR = 0.5                                      # the number is nobody else's: it is changed here
optimizer = SGD(model.parameters(), lr=LR)    # else this is
optimizer = SGD(model.parameters())           # or this: lr=0.01 is added
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import libcst as cst

from descend.script import Script
from descend.source.arguments import find_argument, keyword, positional, with_arguments, written
from descend.source.literals import follow
from descend.source.locate import Place
from descend.source.names import is_call_of, mapping_entry, text_of, value_behind
from descend.source.not_applicable import NotApplicable
from descend.source.syntax import Syntax, last_name


@dataclass(frozen=True)
class Setting:
    """What a call takes as an argument."""

    name: str  # of the keyword
    index: int | None  # the place of the argument, where it can be given by its place
    words: str  # what is said of it
    is_own: bool = True  # whether the located call takes it itself, not something further inside


@dataclass(frozen=True, eq=False)
class Edit:
    """One node of the source, and what it becomes."""

    old: cst.CSTNode
    new: cst.CSTNode


def loader_setting(place: Place, name: str, index: int, words: str) -> Setting:
    """Return an argument of a `DataLoader`, or of what makes one."""
    is_own = is_call_of(place.syntax, place.call, "DataLoader") or last_name(place.call.func).endswith("Loader")
    return Setting(name, index, words, is_own)


def set_argument(
    place: Place, setting: Setting, value: Any, arguments: Sequence[str], shared: Sequence[cst.CSTNode] = ()
) -> Edit | NotApplicable:
    """Return the edit that gives the argument its value.

    `arguments` is the script's command line; see `follow` for it and for `shared`.
    """
    expression = find_setting(place, setting)
    if isinstance(expression, NotApplicable):
        return expression
    new = written(value)
    if expression is None:
        return Edit(place.call, _with_added(place.call, setting, new))
    return Edit(follow(place.syntax, expression, arguments, shared) or expression, new)


def apply(script: Script, syntax: Syntax, edits: Sequence[Edit], words: str) -> Script | NotApplicable:
    """Return the script with the edits in one of its files; not applicable where all of it is so already."""
    text = syntax.rewrite({edit.old: partial(_become, edit.new) for edit in edits})
    if text == syntax.module.code:
        return NotApplicable(f"the {words} is {syntax.code(edits[0].new)} already")
    return script.edit(syntax.file, text)


def _become(new: cst.CSTNode, old: cst.CSTNode) -> cst.CSTNode:
    return new


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
