"""Find and change the settings that the user passed to the script: ``--lr 0.1``, ``--lr=0.1``, ``optimizer.lr=0.1``."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from descend.doctor.changes.found_setting import Definition, PassedValue, SettingKind
from descend.doctor.changes.setting_values import literal_value, passed_value
from descend.doctor.codemod.command_line_options import CommandLineOption
from descend.doctor.script.script import Script

KEY = re.compile(r"[+~]*([A-Za-z_][\w./@-]*)")  # the key of an override such as optimizer.lr=0.1, which Hydra reads
END_OF_OPTIONS = "--"


def passed_settings(script: Script, options: Sequence[CommandLineOption]) -> list[Definition]:
    """Return the settings in the script's arguments. Of several values for one name, only the last one counts."""
    found = {definition.path: definition for definition in _passed_settings(script.arguments, options)}
    return list(found.values())


def is_passed(option: CommandLineOption, passed: Sequence[Definition]) -> bool:
    """Return whether the user passed an option, so that its default has no effect."""
    return any(definition.path == tuple(option.name.split(".")) for definition in passed)


def replace_passed(script: Script, place: PassedValue, text: str, *, is_opposite: bool) -> Script:
    """Return the script with another value in its arguments. `is_opposite` states that a flag gets the other value."""
    arguments = list(script.arguments)
    if place.opposite is None:
        arguments[place.index] = place.prefix + text
    elif is_opposite:
        arguments[place.index : place.index + 1] = [place.opposite] if place.opposite else []
    return replace(script, arguments=tuple(arguments))


def _passed_settings(arguments: Sequence[str], options: Sequence[CommandLineOption]) -> Iterator[Definition]:
    """Yield each setting in the arguments of a script, in their order."""
    index = 0
    while index < len(arguments) and arguments[index] != END_OF_OPTIONS:
        definition = _setting_at(arguments, index, options)
        if definition is not None:
            yield definition
        place = definition.place if definition is not None else None
        index = (place.index if isinstance(place, PassedValue) else index) + 1


def _setting_at(arguments: Sequence[str], index: int, options: Sequence[CommandLineOption]) -> Definition | None:
    """Return the setting that begins in the argument at `index`, or None."""
    argument = arguments[index]
    head, equals, value = argument.partition("=")
    if not _is_option(argument):
        key = KEY.fullmatch(head)
        return _passed(key[1].replace("/", "."), value, PassedValue(index, head + equals)) if key and equals else None
    option, flag = _option_called(head, options)
    if equals:
        return _passed(_name(head, option), value, PassedValue(index, head + equals), option)
    if option is not None and flag is not None:
        other = option.opposite if flag is option.presence else option.spellings[-1]
        return _flag(option.name, PassedValue(index, opposite=other), flag)
    short = _option_with_attached_value(argument, options) if option is None else None
    if short is not None:
        return _passed(short.name, argument[2:], PassedValue(index, argument[:2]), short)
    if index + 1 < len(arguments) and not _is_option(arguments[index + 1]):
        return _passed(_name(head, option), arguments[index + 1], PassedValue(index + 1), option)
    return _flag(_name(head, option), PassedValue(index, opposite=""), True)


def _name(head: str, option: CommandLineOption | None) -> str:
    """Return the name of the setting that an argument passes: the option's, or the spelling without its hyphens."""
    return option.name if option is not None else head.lstrip("-").replace("-", "_")


def _passed(name: str, text: str, place: PassedValue, option: CommandLineOption | None = None) -> Definition:
    """Return the definition of a setting with a value in the arguments."""
    is_fraction = option is not None and option.is_fraction
    value = passed_value(text)
    path = tuple(name.split("."))
    return Definition(path, SettingKind.ARGUMENT, text, place=place, value=value, is_fraction=is_fraction)


def _flag(name: str, place: PassedValue, value: bool) -> Definition:
    """Return the definition of a setting that an argument without a value sets."""
    return Definition(tuple(name.split(".")), SettingKind.ARGUMENT, str(value), place=place, value=value)


def _is_option(argument: str) -> bool:
    """Return whether an argument is an option such as --lr, and not a value, which may be a negative number."""
    return argument[:1] == "-" and len(argument) > 1 and isinstance(literal_value(argument), str)


def _option_called(head: str, options: Sequence[CommandLineOption]) -> tuple[CommandLineOption | None, bool | None]:
    """Return the option that an argument passes, and the value that the argument alone gives to it; None if unknown.

    Like argparse, accept the start of a long spelling if only one option begins with it.
    """
    for option in options:
        if option.opposite and _hyphenated(head) == _hyphenated(option.opposite):
            return option, not option.presence
    spelled = [o for o in options if _hyphenated(head) in map(_hyphenated, o.spellings)]
    if not spelled and head.startswith("--"):
        spelled = [o for o in options if any(_hyphenated(s).startswith(_hyphenated(head)) for s in o.spellings)]
    return (spelled[0], spelled[0].presence) if len(spelled) == 1 else (None, None)


def _hyphenated(spelling: str) -> str:
    """Return a spelling with hyphens instead of underscores, which most libraries accept as well."""
    return spelling.replace("_", "-")


def _option_with_attached_value(argument: str, options: Sequence[CommandLineOption]) -> CommandLineOption | None:
    """Return the option that an argument such as -l0.1 passes together with its value, or None."""
    short = [option for option in options if argument[:2] in option.spellings and option.presence is None]
    return short[0] if len(short) == 1 and argument[:2] != "--" else None
