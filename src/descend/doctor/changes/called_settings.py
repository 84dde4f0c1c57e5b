"""Find settings in calls: keywords, arguments passed by position, and the defaults of parameters and fields."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import libcst as cst

from descend.doctor.changes.assigned_settings import MAPPINGS, outer_names
from descend.doctor.changes.found_setting import Definition, SettingKind
from descend.doctor.changes.source_values import SourceReader
from descend.doctor.codemod.argument_edits import has_only_known_keys
from descend.doctor.codemod.arguments import POSITIONAL_ORDER, positional_arguments
from descend.doctor.codemod.command_line_options import ADDING_CALLS, PARAMETER_CALLS, is_command
from descend.doctor.codemod.functions import calls_by_name
from descend.doctor.codemod.names import FIELD_CALLS, enclosing_class, mapping_value, value_of
from descend.doctor.codemod.syntax import Syntax, last_name

# the order of the positional arguments of torch's classes
POSITIONS = {name: order.split() for name, order in POSITIONAL_ORDER.items()} | {
    "DataLoader": ["dataset", "batch_size", "shuffle"],
    "Dropout": ["p"],
}
# Keywords of these calls describe a setting, and other modules read them.
DESCRIBING_CALLS = ADDING_CALLS | PARAMETER_CALLS | MAPPINGS | FIELD_CALLS | {"set_defaults"}


@dataclass(frozen=True)
class Signature:
    """The parameters of a user's function or class that calls may pass by position."""

    parameters: tuple[str, ...]
    is_settings_class: bool  # whether it is a class that lists its fields, as a dataclass does


Signatures = Mapping[str, Signature]


def signatures_of(files: Sequence[Syntax]) -> Signatures:
    """Return the signatures of the user's functions and classes by their names."""
    found: dict[str, Signature] = {}
    for syntax in files:
        for function in syntax.every(cst.FunctionDef):
            found.setdefault(_called_name(syntax, function), Signature(tuple(_parameters(function)), False))
        for owner in syntax.every(cst.ClassDef):
            fields = tuple(_fields(owner))
            found.setdefault(owner.name.value, Signature(fields, bool(fields)))
    return found


def called_settings(reader: SourceReader, signatures: Signatures) -> Iterator[Definition]:
    """Yield the settings that the arguments of calls define."""
    for call in reader.syntax.every(cst.Call):
        name = last_name(call.func)
        if not name or name in DESCRIBING_CALLS:
            continue
        is_settings_class = name in signatures and signatures[name].is_settings_class
        kind = SettingKind.FIELD if is_settings_class else SettingKind.CALL
        outer = outer_names(reader.syntax, call)
        for parameter, value in _arguments(call, signatures).items():
            yield from reader.define(kind, (*outer, name, parameter), value)


def parameter_settings(reader: SourceReader) -> Iterator[Definition]:
    """Yield the settings that the defaults of function parameters define, except those that are options."""
    syntax = reader.syntax
    for function in syntax.every(cst.FunctionDef):
        for parameter in () if is_command(syntax, function) else _all_parameters(function):
            if parameter.default is not None:
                annotation = "" if parameter.annotation is None else syntax.code(parameter.annotation.annotation)
                path = (_called_name(syntax, function), parameter.name.value)
                yield from reader.define(SettingKind.PARAMETER, path, parameter.default, "float" in annotation)


def is_always_passed(definition: Definition, files: Sequence[Syntax], signatures: Signatures) -> bool:
    """Return whether calls of a function or class pass a value, so that the default has no effect.

    A call that unpacks an unknown mapping does not count, but another call must pass the value.
    """
    owner, name = definition.path[-2:] if len(definition.path) > 1 else ("", "")
    if definition.kind not in (SettingKind.PARAMETER, SettingKind.FIELD) or owner not in signatures:
        return False
    calls = [(syntax, call) for syntax in files for call in calls_by_name(syntax).get(owner, ())]
    passes = [_passes(syntax, call, name, signatures) for syntax, call in calls]
    return True in passes and False not in passes


def _passes(syntax: Syntax, call: cst.Call, name: str, signatures: Signatures) -> bool | None:
    """Return whether a call passes a value for a parameter; None if it unpacks a mapping with unknown keys."""
    if name in _arguments(call, signatures):
        return True
    unpacked = [argument.value for argument in call.args if argument.star == "**"]
    mappings = [value_of(syntax, value) or value for value in unpacked]
    if any(mapping_value(mapping, name) is not None for mapping in mappings):
        return True
    return False if all(has_only_known_keys(mapping) for mapping in mappings) else None


def _arguments(call: cst.Call, signatures: Signatures) -> dict[str, cst.BaseExpression]:
    """Return the arguments of a call by their names, as far as these are known."""
    name = last_name(call.func)
    order = signatures[name].parameters if name in signatures else POSITIONS.get(name, ())
    is_unpacked = any(argument.star == "*" for argument in call.args)
    plain = [] if is_unpacked else [argument.value for argument in positional_arguments(call)]
    return dict(zip(order, plain)) | {a.keyword.value: a.value for a in call.args if a.keyword is not None}


def _called_name(syntax: Syntax, function: cst.FunctionDef) -> str:
    """Return the name by which calls run a function: for ``__init__``, the name of the class."""
    owner = enclosing_class(syntax, function)
    return owner.name.value if owner is not None and function.name.value == "__init__" else function.name.value


def _parameters(function: cst.FunctionDef) -> list[str]:
    """Return the names of the parameters for which a call may pass values by position, without ``self``."""
    names = [parameter.name.value for parameter in (*function.params.posonly_params, *function.params.params)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def _all_parameters(function: cst.FunctionDef) -> list[cst.Param]:
    """Return the parameters of a function."""
    given = function.params
    return [*given.posonly_params, *given.params, *given.kwonly_params]


def _fields(owner: cst.ClassDef) -> Iterator[str]:
    """Yield the names of the annotated fields in the body of a class, in their order."""
    for line in owner.body.body:
        for statement in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(statement, cst.AnnAssign) and isinstance(statement.target, cst.Name):
                yield statement.target.value
