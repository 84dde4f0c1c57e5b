"""The group of all commands: flags have no type in the help, and defaults come from pyproject.toml."""

from typing import Any

from typer import Context
from typer.core import TyperGroup

from descend.doctor.commands.project_settings import COMMANDS, read_defaults


class CommandGroup(TyperGroup):
    """A group of commands. Typer shows `<bool>` for a flag; here a flag is shown alone, since it takes no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options of the group itself, with flags that are shown without a type."""
        return _without_flag_types(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, with flags that are shown without a type; None if there is no such command."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            _without_flag_types(command.get_params(ctx))
        return command


def set_project_defaults(context: Context) -> None:
    """Use the values of `[tool.descend]` as defaults of the command that is about to run. Raise `UsageError`."""
    if context.invoked_subcommand in COMMANDS:
        context.default_map = read_defaults(context)


def _without_flag_types(parameters: list[Any]) -> list[Any]:
    """Set the type that the help shows for each flag to nothing, and return the parameters."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters
