"""Find settings in the YAML, JSON and TOML files that the script's source or arguments name."""

import ast
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from descend.doctor.changes.found_setting import Definition, SettingKind
from descend.doctor.changes.setting_name import SettingName
from descend.doctor.changes.setting_values import scalar_text_value
from descend.doctor.codemod.file_scalars import Scalar, scalars_in_file
from descend.doctor.codemod.imported_files import parse_tree
from descend.doctor.codemod.settings_files import SUFFIXES, small_user_files
from descend.doctor.script.script import Script

NAMED_SUFFIXES = (*SUFFIXES, ".toml")
HYDRA_SUFFIX = ".yaml"  # the suffix that Hydra appends to the name of a configuration
MARKS = ("&", "!", "|", ">", "*")  # first characters of scalars with an anchor, a tag or several lines in YAML


def file_settings(script: Script, files: Sequence[Path], name: SettingName | None) -> Iterator[Definition]:
    """Yield the settings in the settings files that the given source files name. name: None for all settings."""
    for file in small_user_files(script, _named_files(script, files)):
        for keys, scalar in scalars_in_file(script, file):
            if keys and (name is None or name.may_match(keys)) and _is_plain(scalar):
                before = script.read(file)[: scalar.start].split("\n")
                where = (file, len(before), len(before[-1]) + 1)
                value = scalar_text_value(scalar.text, file.suffix)
                yield Definition(keys, SettingKind.FILE, scalar.text, *where, scalar, value)


def _is_plain(scalar: Scalar) -> bool:
    """Return whether a scalar is a value on one line, without a tag or an anchor of YAML."""
    return bool(scalar.text) and "\n" not in scalar.text and not scalar.text.startswith(MARKS)


def _named_files(script: Script, files: Sequence[Path]) -> list[Path]:
    """Return the existing settings files that the source files and the script's arguments name."""
    passed = [argument.rpartition("=")[2] for argument in script.arguments]
    named = dict.fromkeys(_existing_files(script, script.path, passed))
    for file in files:
        named |= dict.fromkeys(_existing_files(script, file, list(_strings(script, file))))
    return list(named)


def _existing_files(script: Script, file: Path, texts: Sequence[str]) -> Iterator[Path]:
    """Yield the settings files among the texts; a text may also name a file in a folder that another text names."""
    homes = list(dict.fromkeys((script.root, script.path.parent, file.parent)))
    names = [text for text in texts if text.endswith(NAMED_SUFFIXES)]
    folders = [
        home / text for home in homes for text in dict.fromkeys(texts) if names and text and _is_folder(home, text)
    ]
    for folder in (*homes, *folders):
        for name in names:
            path = Path(os.path.normpath(folder / name))
            with suppress(OSError, ValueError):  # The text is not a valid file name.
                if script.has_file(path):
                    yield path


def _is_folder(home: Path, text: str) -> bool:
    """Return whether a text names a folder in the folder `home`."""
    try:
        return (home / text).is_dir()
    except (OSError, ValueError):
        return False


def _strings(script: Script, file: Path) -> Iterator[str]:
    """Yield the strings in a source file, and the file names that Hydra makes of the names of configurations."""
    tree = parse_tree(script, file)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.keyword) and node.arg == "config_name" and isinstance(node.value, ast.Constant):
            yield f"{node.value.value!s}{HYDRA_SUFFIX}"
