"""Find settings that a file assigns: constants, fields of classes, variables of functions and keys of dictionaries."""

from collections.abc import Iterator

import libcst as cst

from descend.doctor.changes.found_setting import Definition, SettingKind
from descend.doctor.changes.source_values import SourceReader
from descend.doctor.codemod.bindings import loops_around
from descend.doctor.codemod.functions import function_around
from descend.doctor.codemod.names import (
    NAMESPACES,
    enclosing_class,
    field_default,
    is_target,
    string_value,
    subscript_key,
    value_of_target,
)
from descend.doctor.codemod.syntax import Syntax, last_name

ENUMERATIONS = frozenset({"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"})
MAPPINGS = frozenset({"dict", "EasyDict", "Box", "Munch"}) | NAMESPACES  # calls whose keywords become keys


def assigned_settings(reader: SourceReader) -> list[Definition]:
    """Return the settings that the assignments and dictionaries of a file define."""
    return [*_assigned(reader), *_keys_of_dictionaries(reader)]


def _assigned(reader: SourceReader) -> Iterator[Definition]:
    """Yield the settings that assignments outside loops define."""
    syntax = reader.syntax
    targets: list[cst.BaseExpression] = [
        *syntax.every(cst.Name),
        *syntax.every(cst.Attribute),
        *syntax.every(cst.Subscript),
    ]
    for target in targets:
        if not is_target(syntax, target) or loops_around(syntax, target):
            continue
        value = field_default(value_of_target(syntax, target))
        found = _kind_and_path(syntax, target) if value is not None else None
        if found is not None and value is not None and not _is_counter(syntax, target, value):
            holder = syntax.parents[target]
            is_fraction = isinstance(holder, cst.AnnAssign) and "float" in syntax.code(holder.annotation.annotation)
            yield from reader.define(*found, value, is_fraction)


def _kind_and_path(syntax: Syntax, target: cst.BaseExpression) -> tuple[SettingKind, tuple[str, ...]] | None:
    """Return the kind and the path of the setting that an assignment to the target defines; None if it is no setting.

    ``self.lr = 0.1`` counts in ``__init__`` only: other methods change the state of an object.
    """
    function, owner = function_around(syntax, target), enclosing_class(syntax, target)
    if isinstance(target, cst.Name):
        return _kind_and_path_of_name(syntax, target, function, owner)
    path = dotted_path(target)
    if not path:
        return None
    if path[0] == "self":
        is_initial = function is not None and function.name.value == "__init__"
        return (SettingKind.FIELD, (owner.name.value, *path[1:])) if owner is not None and is_initial else None
    return (SettingKind.FIELD if isinstance(target, cst.Attribute) else SettingKind.KEY), path


def _kind_and_path_of_name(
    syntax: Syntax, name: cst.Name, function: cst.FunctionDef | None, owner: cst.ClassDef | None
) -> tuple[SettingKind, tuple[str, ...]] | None:
    """Return the kind and the path of the setting that an assignment to a name defines; None if it is no setting."""
    if name.value.startswith("__"):
        return None
    if function is not None and (owner is None or owner in syntax.ancestors(function)):
        return SettingKind.VARIABLE, (function.name.value, name.value)
    if owner is None:
        return SettingKind.CONSTANT, (name.value,)
    if ENUMERATIONS & {last_name(base.value) for base in owner.bases}:
        return None
    return SettingKind.FIELD, (owner.name.value, name.value)


def _is_counter(syntax: Syntax, target: cst.BaseExpression, value: cst.BaseExpression) -> bool:
    """Return whether a variable starts at 0 and the file adds to it, so that it counts or sums up."""
    code = syntax.code(target)
    if not isinstance(value, cst.Integer | cst.Float) or float(value.evaluated_value) != 0:
        return False
    added = [a for a in syntax.every(cst.AugAssign) if isinstance(a.operator, cst.AddAssign)]
    return any(syntax.code(a.target) == code for a in added)


def _keys_of_dictionaries(reader: SourceReader) -> Iterator[Definition]:
    """Yield the settings that literal dictionaries and calls such as ``dict(lr=0.1)`` define."""
    syntax = reader.syntax
    for element in syntax.every(cst.DictElement):
        key = string_value(element.key)
        # A list of dictionaries is one of parameter groups, for example. It does not hold the script's settings.
        kind = SettingKind.ITEM if _is_in_list(syntax, element) else SettingKind.KEY
        if key:
            yield from reader.define(kind, (*outer_names(syntax, element), key), element.value)
    for call in syntax.every(cst.Call):
        for argument in call.args if last_name(call.func) in MAPPINGS else ():
            if argument.keyword is not None:
                path = (*outer_names(syntax, call), argument.keyword.value)
                yield from reader.define(SettingKind.KEY, path, argument.value)


def _is_in_list(syntax: Syntax, element: cst.DictElement) -> bool:
    """Return whether a dictionary is an element of a list or tuple."""
    holder = syntax.parents[syntax.parents[element]]
    return isinstance(holder, cst.Element)


def outer_names(syntax: Syntax, node: cst.CSTNode) -> tuple[str, ...]:
    """Return the names that lead to a value, outermost first.

    These are the variable to which a statement assigns it, the called functions, and keywords and keys: ("optimizer",
    "SGD") for the value of lr in ``optimizer = SGD(parameters, lr=0.1)``.
    """
    names: list[str] = []
    for outer in syntax.ancestors(node):
        if isinstance(outer, cst.BaseStatement | cst.BaseSuite):
            break
        if isinstance(outer, cst.DictElement):
            names.append(string_value(outer.key) or "")
        elif isinstance(outer, cst.Arg) and outer.keyword is not None:
            names.append(outer.keyword.value)
        elif isinstance(outer, cst.Call) and last_name(outer.func) not in MAPPINGS:
            names.append(last_name(outer.func))
        elif isinstance(outer, cst.Param):
            names.append(outer.name.value)
        elif isinstance(outer, cst.Assign | cst.AnnAssign):
            target = outer.target if isinstance(outer, cst.AnnAssign) else outer.targets[0].target
            names += reversed(dotted_path(target))
    return tuple(name for name in reversed(names) if name not in ("", "self"))


def dotted_path(expression: cst.BaseExpression) -> tuple[str, ...]:
    """Return the parts of ``config.optimizer["lr"]``; () for an expression with anything but names and string keys."""
    if isinstance(expression, cst.Name):
        return (expression.value,)
    if isinstance(expression, cst.Attribute):
        last = expression.attr.value
    elif isinstance(expression, cst.Subscript):
        last = subscript_key(expression) or ""
    else:
        return ()
    first = dotted_path(expression.value)
    return (*first, last) if first and last else ()
