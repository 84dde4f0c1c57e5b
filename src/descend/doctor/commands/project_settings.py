"""Defaults for options from the `[tool.descend]` table of pyproject.toml in the working directory or its parents."""

import json
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.exceptions import TyperException

from descend.core.control_characters import shortened
from descend.core.errors import TOO_DEEP, UsageError, reason_of
from descend.core.regular_files import read_regular_file

if TYPE_CHECKING:
    from typer import Context

FILE = "pyproject.toml"
LARGEST = 1 << 20  # largest size in bytes of a pyproject.toml that is read
COMMANDS = ("doctor", "watch")  # The options of the first command are allowed; the second uses those that it shares.
# A project from an unknown source must not choose which program runs, what the script may do, or who gets the data.
COMMAND_LINE_ONLY = frozenset({"allow-effects", "apply", "python", "ray", "sandbox", "store"})


def read_defaults(context: "Context") -> dict[str, dict[str, Any]]:
    """Return the defaults of `doctor` and `watch` from the nearest `[tool.descend]` table, by command and parameter.

    Raise `UsageError` that names the file, the key and the value if the table has a wrong key or value.
    """
    found = _nearest_table(Path.cwd())
    if found is None:
        return {}
    path, table = found
    options = {name: _options(context, name) for name in COMMANDS}
    allowed = sorted(options[COMMANDS[0]].keys() - COMMAND_LINE_ONLY)
    defaults: dict[str, dict[str, Any]] = {name: {} for name in COMMANDS}
    for key, value in table.items():
        where = f"{path}: {shortened(key)} = {_shown(value)} in [tool.descend]"
        if key in COMMAND_LINE_ONLY:
            raise UsageError(f"{where} is not allowed: --{key} must be given on the command line")
        if key not in allowed:
            raise UsageError(f"{where} is not an option of descend doctor; allowed are {', '.join(allowed)}")
        given = _checked_value(options[COMMANDS[0]][key], value, key, where, context)
        for name in COMMANDS:
            if key in options[name]:
                defaults[name][options[name][key].name] = given
    return defaults


def _nearest_table(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """Return the first `[tool.descend]` table in `folder` or its parents, with the path of its file; None without one.

    Raise `UsageError` if a pyproject.toml on the path to it cannot be read, is not valid TOML or holds something else.
    """
    for path in (parent / FILE for parent in (folder, *folder.parents)):
        if not os.path.isfile(path):
            continue
        try:
            tools = tomllib.loads(read_regular_file(path, LARGEST).decode()).get("tool", {})
        except (OSError, ValueError, *TOO_DEEP) as error:
            raise UsageError(f"{path} cannot be read: {reason_of(error)}") from None
        table = tools.get("descend") if isinstance(tools, dict) else None
        if table is not None and not isinstance(table, dict):
            raise UsageError(f"{path}: tool.descend = {_shown(table)} must be a table of options: [tool.descend]")
        if table is not None:
            return path, table
    return None


def _options(context: "Context", command: str) -> dict[str, Any]:
    """Return the options of a command of this program by their long names without dashes, such as `nproc-per-node`."""
    parameters = context.command.commands[command].params  # type: ignore[attr-defined] # typer types it as no group
    return {long[2:]: option for option in parameters for long in option.opts if long.startswith("--")}


def _checked_value(option: Any, value: Any, key: str, where: str, context: "Context") -> Any:
    """Return the value of a key as the option accepts it. Raise `UsageError` if the option does not accept it."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise UsageError(f"{where} must be true or false")
        return value
    if option.multiple:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise UsageError(f'{where} must be a list of strings, such as ["dead_units"]')
    elif isinstance(value, list | dict | bool) and option.type_descriptor.annotation not in (int, float):
        raise UsageError(f"{where} must be a string")
    given: Any = value if option.multiple or isinstance(value, str) else _shown(value)
    try:
        option.process_value(context, given)
        if key in ("select", "ignore"):
            _check_ids(value)
    except UsageError as error:
        raise UsageError(f"{where} is not allowed: {error}") from None
    except TyperException as error:
        raise UsageError(f"{where} is not allowed: {error.message.removeprefix('Value error, ')}") from None
    return given


def _check_ids(ids: list[str]) -> None:
    """Raise `UsageError` if one of the ids belongs to no problem."""
    from descend.doctor.catalog.diagnosis import check_ids

    check_ids(ids)


def _shown(value: Any) -> str:
    """Return a value of a TOML file for a message, on one line and not longer than a line."""
    return shortened(json.dumps(value, default=str, ensure_ascii=False))
