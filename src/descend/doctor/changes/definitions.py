"""Collect the definitions of settings from a script's arguments, its source and the settings files that it names."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from descend.core.errors import UsageError
from descend.doctor.changes.assigned_settings import assigned_settings
from descend.doctor.changes.called_settings import called_settings, is_always_passed, parameter_settings, signatures_of
from descend.doctor.changes.file_settings import file_settings
from descend.doctor.changes.found_setting import RANKS, Definition
from descend.doctor.changes.option_settings import option_settings
from descend.doctor.changes.passed_arguments import passed_settings
from descend.doctor.changes.setting_name import SettingName, normalise
from descend.doctor.changes.source_values import SourceReader
from descend.doctor.codemod.command_line_options import command_line_options
from descend.doctor.codemod.imported_files import user_files
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax, parse
from descend.doctor.script.script import Script


def definitions_of(script: Script, name: SettingName | None = None) -> list[Definition]:
    """Return the definitions of the settings that the name may denote, the most explicit ones first.

    name: None for all settings. Raises `UsageError` if the script's source cannot be edited.
    """
    files = user_files(script)
    found = [*_definitions_in_source(script, files, name), *file_settings(script, files, name)]
    return sorted(found, key=lambda definition: RANKS[definition.kind])


def _definitions_in_source(script: Script, files: Sequence[Path], name: SettingName | None) -> Iterator[Definition]:
    """Yield the definitions in the script's arguments and in its Python files."""
    sources = list(_sources(script, files, name))
    signatures = signatures_of(sources)
    options = {syntax: command_line_options(syntax) for syntax in sources}
    passed = passed_settings(script, [option for known in options.values() for option in known])
    yield from (definition for definition in passed if name is None or name.may_match(definition.path))
    for syntax in sources:
        reader = SourceReader(syntax, script.arguments, name)
        yield from option_settings(reader, options[syntax], passed)
        for definition in (*assigned_settings(reader), *parameter_settings(reader)):
            if not is_always_passed(definition, sources, signatures):
                yield definition
        yield from called_settings(reader, signatures)


def _sources(script: Script, files: Sequence[Path], name: SettingName | None) -> Iterator[Syntax]:
    """Yield the syntax trees of the script and of those imported files that can be edited and contain the name."""
    for file in files:
        try:
            text = script.read(file)
            if file == script.path or name is None or _contains(text, name):
                yield parse(file, text)
        except (OSError, UsageError, NotApplicable) as error:
            if file == script.path:
                raise UsageError(str(error)) from None


def _contains(text: str, name: SettingName) -> bool:
    """Return whether a text contains one of the spellings of a name."""
    normal = normalise(text)
    return any(spelling in normal for spelling in name.spellings)
