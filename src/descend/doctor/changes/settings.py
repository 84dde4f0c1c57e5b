"""Find and change a named setting of a script, such as ``lr``, by an edit of its source.

A setting is searched for in this order: the arguments that the user passed to the script, the defaults of its
command-line options, fields of classes, keys of dictionaries and of settings files, constants, variables of functions,
and arguments of calls. Two places of the same rank are an error, unless the name is more exact (see `setting_name`).
"""

from collections.abc import Sequence
from difflib import get_close_matches

import libcst as cst

from descend.core.control_characters import shortened
from descend.core.errors import UsageError
from descend.doctor.changes.definitions import definitions_of
from descend.doctor.changes.found_setting import (
    NAMED_RANK,
    RANKS,
    Definition,
    FoundSetting,
    PassedValue,
    SourceValue,
    Value,
    relative_name,
    split_path,
    without_repetitions,
)
from descend.doctor.changes.option_settings import with_default
from descend.doctor.changes.passed_arguments import replace_passed
from descend.doctor.changes.setting_name import SettingName, normalise, parse_name
from descend.doctor.changes.setting_values import (
    WrongType,
    argument_text,
    checked_value,
    file_text,
    literal_value,
    source_code,
)
from descend.doctor.codemod.argument_edits import NodeEdit, apply_edits
from descend.doctor.codemod.file_scalars import Scalar, replace_scalars
from descend.doctor.script.script import Script

MAX_SUGGESTIONS = 3  # largest number of similar names that a message suggests, the default of difflib


def find_setting(script: Script, name: str) -> FoundSetting:
    """Return the setting that a name denotes. Raises `UsageError` if no setting, or more than one, has the name."""
    return _select(script, name).setting


def list_settings(script: Script) -> list[FoundSetting]:
    """Return all settings of a script that can be set, the most explicit ones first."""
    settable = [definition for definition in definitions_of(script) if definition.place is not None]
    return [definition.setting for definition in without_repetitions(settable)]


def set_setting(script: Script, name: str, text: str) -> Script:
    """Return the script with a new value for a setting, which may equal the present value.

    text: a number, True, False, None or a string, as the user typed it; a string needs no quotes. The script's
    arguments are changed if they define the setting, else its source or a settings file. Raises `UsageError` if the
    name does not denote one setting, or if the value has another type than the present one.
    """
    definition = _select(script, name)
    text = text.strip()
    try:
        value = checked_value(text, definition.value, is_fraction=definition.is_fraction)
        edited = _with_value(script, definition, value, text)
    except WrongType as error:
        found = definition.setting
        now = f"{found.name} is {found.text} in {found.place(script)}"
        raise UsageError(f"{shortened(name)}={shortened(text)} is not {error}: {now}") from None
    for file, source in edited.edits.items():
        try:
            edited.encode(file, source)
        except UnicodeEncodeError as error:
            message = f"{shortened(text)} cannot be written in the encoding of {file.name}: {error.reason}"
            raise UsageError(message) from None
    return edited


def change_message(script: Script, setting: FoundSetting, text: str) -> str:
    """Return a description of the change of a setting: ``lr 0.1 → 3e-4 in train.py:12 (constant)``.

    A new string has the quotes of the present one.
    """
    new, quote = text.strip(), setting.text[:1]
    if quote in ("'", '"') and new[:1] not in ("'", '"') and literal_value(new) is not None:
        new = f"{quote}{new}{quote}"
    return f"{setting.name} {setting.text} → {new} in {setting.place(script)} ({setting.kind})"


def _with_value(script: Script, definition: Definition, value: Value, text: str) -> Script:
    """Return the script with a new value at the place of a definition."""
    match definition.place:
        case PassedValue() as place:
            is_opposite = value is not definition.value
            return replace_passed(script, place, argument_text(value, text), is_opposite=is_opposite)
        case Scalar() as place:
            new = file_text(value, text, place.text, place.file.suffix)
            return replace_scalars(script, {place: new})
        case SourceValue() as place:
            return _with_source_value(script, place, source_code(value, text, definition.code), definition)
    return script


def _with_source_value(script: Script, place: SourceValue, code: str, definition: Definition) -> Script:
    """Return the script with new code for a value in its source."""
    if code == definition.code:
        return script
    new = cst.parse_expression(code)
    if place.adds_default and isinstance(place.node, cst.Call):
        new = with_default(place.node, new)
    else:
        new = new.with_changes(lpar=place.node.lpar, rpar=place.node.rpar)
    return apply_edits(script, place.syntax, [NodeEdit(place.node, new)], definition.setting.name)


def _select(script: Script, text: str) -> Definition:
    """Return the most explicit definition that a name denotes. Raises `UsageError` if there is not exactly one."""
    name = parse_name(text)
    found = definitions_of(script, name)
    settable = [definition for definition in found if definition.place is not None]
    matching = [d for d in settable if name.matches(d)] or [d for d in settable if name.matches_by_synonym(d)]
    if not matching:
        computed = next((d for d in found if name.matches_by_synonym(d)), None)
        raise UsageError(_missing_message(script, text, name, computed))
    rank = RANKS[matching[0].kind]
    best = without_repetitions([d for d in matching if RANKS[d.kind] == rank])
    if len(name.parts) > 1:
        best = [d for d in best if name.is_whole_name_of(d)] or best
    best = [d for d in best if d.path[-1] == name.parts[-1]] or best
    # A name may lead to a literal in another statement, whose own name is shown.
    direct = [next((o for o in settable if o.is_direct and o.shares_place(d)), d) for d in best]
    if len(direct) > 1:
        raise UsageError(_ambiguity_message(script, text, direct))
    return direct[0]


def _ambiguity_message(script: Script, text: str, definitions: Sequence[Definition]) -> str:
    """Return the message that several places define a setting, with a name for each of them."""
    settings = [definition.setting for definition in definitions]
    names = [setting.name for setting in settings]
    if len(set(names)) < len(names) or not all("." in name for name in names):
        names = [_name_with_place(script, setting) for setting in settings]
    if len(set(names)) < len(names):
        names = [_name_with_place(script, setting, with_column=True) for setting in settings]
    places = ", ".join(f"{setting.place(script)} ({setting.name} = {setting.text})" for setting in settings)
    return f"{shortened(text)} is defined in several places: {places}; name one of them: {' or '.join(names)}"


def _name_with_place(script: Script, setting: FoundSetting, *, with_column: bool = False) -> str:
    """Return the name that denotes a setting by the file and line of its definition, and by the column if needed."""
    if setting.file is None:
        return setting.name
    column = f"{setting.column}:" if with_column else ""
    return f"{relative_name(script, setting.file)}:{setting.line}:{column}{setting.name}"


def _missing_message(script: Script, text: str, name: SettingName, computed: Definition | None) -> str:
    """Return the message that no setting of a name can be set, with similar names or all names.

    computed: a definition of the setting by an expression that is no literal.
    """
    settings = list_settings(script)
    message = f"{script.path.name} has no setting {shortened(text)}"
    if computed is not None:
        found = computed.setting
        no_value = f"{shortened(found.text)}, not a number, a string, True, False or None"
        message = f"{found.name} in {found.place(script)} is {no_value}"
    similar = _similar_settings(settings, normalise(name.parts[-1]))
    if similar:
        return f"{message}; did you mean {' or '.join(f'{s.name} ({s.place(script)}: {s.text})' for s in similar)}?"
    named = [setting for setting in settings if RANKS[setting.kind] <= NAMED_RANK] or settings
    known = ", ".join(dict.fromkeys(setting.name for setting in named))
    return f"{message}; the settings are {known}" if known else f"{message}, and no other setting was found"


def _similar_settings(settings: Sequence[FoundSetting], name: str) -> list[FoundSetting]:
    """Return the settings with a similar name; those that contain the name in their path come first."""
    paths = {setting: [normalise(part) for part in split_path((setting.name,))] for setting in settings}
    close = get_close_matches(name, [path[-1] for path in paths.values()], MAX_SUGGESTIONS)
    inside = [setting for setting, path in paths.items() if name in path]
    similar = [setting for setting, path in paths.items() if path[-1] in close]
    return list(dict.fromkeys([*inside, *similar]))[:MAX_SUGGESTIONS]
