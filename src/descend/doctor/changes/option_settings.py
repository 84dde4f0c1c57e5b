"""Find settings in the options of a script's command line, which have a default in the source."""

from collections.abc import Iterator, Sequence

import libcst as cst

from descend.doctor.changes.found_setting import Definition, SettingKind, SourceValue, Value
from descend.doctor.changes.passed_arguments import is_passed
from descend.doctor.changes.source_values import SourceReader
from descend.doctor.codemod.arguments import keyword_argument, with_arguments
from descend.doctor.codemod.command_line_options import CommandLineOption
from descend.doctor.codemod.syntax import last_name


def option_settings(
    reader: SourceReader, options: Sequence[CommandLineOption], passed: Sequence[Definition]
) -> Iterator[Definition]:
    """Yield the defaults of the options that the user did not pass."""
    kind, later = SettingKind.OPTION, set[str]()
    for call in reader.syntax.every(cst.Call):
        for argument in call.args if last_name(call.func) == "set_defaults" else ():
            if argument.keyword is not None:
                later.add(argument.keyword.value)
                yield from reader.define(kind, (argument.keyword.value,), argument.value)
    for option in options:
        # A call of set_defaults replaces the default that the option states.
        if not option.name or option.name in later or is_passed(option, passed):
            continue
        path = tuple(option.name.split("."))
        if option.default is not None:
            yield from reader.define(kind, path, option.default, option.is_fraction)
        elif reader.name is None or reader.name.may_match(path):
            yield _option_without_default(reader, option, path)


def with_default(call: cst.Call, value: cst.BaseExpression) -> cst.Call:
    """Return the call that adds an option, with a default."""
    return with_arguments(call, [*call.args, keyword_argument("default", value)])


def _option_without_default(reader: SourceReader, option: CommandLineOption, path: tuple[str, ...]) -> Definition:
    """Return the definition of an option without a default, which is None, or the opposite of what a flag sets."""
    value: Value = None if option.presence is None else not option.presence
    place = SourceValue(reader.syntax, option.node, adds_default=True) if isinstance(option.node, cst.Call) else None
    line, column = reader.syntax.start(option.node)
    where = (reader.syntax.file, line, column + 1)
    return Definition(path, SettingKind.OPTION, str(value), *where, place, value, option.is_fraction)
