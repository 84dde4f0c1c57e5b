"""Find the options of a script's command line in its source: those of argparse, click, typer and Fire.

parser.add_argument("--lr", type=float, default=0.1)      # argparse
@click.option("--lr", default=0.1)                        # click
def main(lr: float = typer.Option(0.1, "--lr")): …        # typer
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.functions import calls_by_name
from descend.doctor.codemod.names import keyword_value, string_value
from descend.doctor.codemod.syntax import Syntax, last_name

ADDING_CALLS = frozenset({"add_argument", "option"})
# Options with these actions have no default of one value, or none that a command line could replace.
OTHER_ACTIONS = frozenset({"append", "append_const", "count", "extend", "help", "store_const", "version"})
PRESENCE = {"store_true": True, "store_false": False}
COMMAND_DECORATORS = frozenset({"command", "callback"})
CLICK_DECORATORS = frozenset({"option", "argument"})
PARAMETER_CALLS = frozenset({"Option", "Argument"})
RUNNERS = frozenset({"Fire", "CLI", "auto_cli"})  # functions that make a command of the function that they get


@dataclass(frozen=True, eq=False)
class CommandLineOption:
    """An option of a script's command line, as the source defines it."""

    name: str  # name by which the script reads the value
    spellings: tuple[str, ...]  # spellings in the command line, such as ("-l", "--lr")
    node: cst.Call | cst.Param  # the call that adds the option, or the parameter of a function
    default: cst.BaseExpression | None  # None if the source states no default
    presence: bool | None = None  # the value that the option has if it is passed without one; None if it needs a value
    opposite: str = ""  # the spelling that passes the opposite of `presence`, such as --no-amp
    is_fraction: bool = False  # whether the source declares the value to be a float


def command_line_options(syntax: Syntax) -> list[CommandLineOption]:
    """Return the options of the command line that a file defines."""
    return [*_added_options(syntax), *_options_of_commands(syntax)]


def option_default(syntax: Syntax, name: str, arguments: Sequence[str]) -> cst.BaseExpression | None:
    """Return the default of the command-line option that the script reads as ``args.<name>``, or None."""
    calls = syntax.every(cst.Call)
    if any(keyword_value(c, name) is not None for c in calls if last_name(c.func) == "set_defaults"):
        return None
    added = [c for c in calls if last_name(c.func) == "add_argument" and _destination(c) == name]
    if len(added) != 1 or any(is_on_command_line(spelling, arguments) for spelling in _spellings(added[0])):
        return None
    return keyword_value(added[0], "default")


def is_on_command_line(spelling: str, arguments: Sequence[str]) -> bool:
    """Return whether the command line of the run contains the option, possibly in an abbreviated form."""
    if spelling.startswith("--"):
        heads = [argument.split("=")[0] for argument in arguments]
        return any(len(head) > 2 and spelling.startswith(head) for head in heads)
    return any(argument.startswith(spelling) for argument in arguments)


def _added_options(syntax: Syntax) -> Iterator[CommandLineOption]:
    """Yield the options that calls of ``add_argument`` and ``click.option`` define."""
    for call in syntax.every(cst.Call):
        spellings = _spellings(call) if last_name(call.func) in ADDING_CALLS else []
        action = keyword_value(call, "action")
        word = (string_value(action) or last_name(action)) if action is not None else ""
        if not spellings or word in OTHER_ACTIONS:
            continue
        on, _, off = spellings[-1].partition("/")  # click's spelling of a pair is "--amp/--no-amp".
        is_flag = bool(off) or word == "BooleanOptionalAction" or keyword_value(call, "is_flag") is not None
        kind = keyword_value(call, "type")
        yield CommandLineOption(
            name=_destination(call) or "",
            spellings=(*spellings[:-1], on),
            node=call,
            default=keyword_value(call, "default"),
            presence=PRESENCE.get(word, True if is_flag else None),
            opposite=off or (_negated(on) if word == "BooleanOptionalAction" else ""),
            is_fraction=kind is not None and last_name(kind) == "float",
        )


def _spellings(option: cst.Call) -> list[str]:
    """Return the spellings of a command-line option, such as ``-l`` and ``--lr``."""
    return [text for text in _positional_strings(option) if text.startswith("-")]


def _destination(option: cst.Call) -> str | None:
    """Return the name of the attribute or parameter in which argparse or click stores the value of an option."""
    if (given := keyword_value(option, "dest")) is not None:
        return string_value(given)
    spellings = _spellings(option)
    named = [text for text in _positional_strings(option) if text.isidentifier()] if spellings else []
    long = [s for s in spellings if s.startswith("--")]
    first = (named or long or spellings or [""])[0]
    return first.partition("/")[0].lstrip("-").replace("-", "_")


def _positional_strings(call: cst.Call) -> list[str]:
    """Return the strings that a call passes by position."""
    texts = [string_value(a.value) for a in call.args if a.keyword is None and a.star == ""]
    return [text for text in texts if text]


def _negated(spelling: str) -> str:
    """Return the spelling that turns an option off: ``--no-amp`` for ``--amp``."""
    return f"--no-{spelling.lstrip('-')}"


def _options_of_commands(syntax: Syntax) -> Iterator[CommandLineOption]:
    """Yield the options that typer, Fire or jsonargparse make of a function's parameters with defaults."""
    for function in syntax.every(cst.FunctionDef):
        if not is_command(syntax, function):
            continue
        for parameter in (*function.params.params, *function.params.kwonly_params):
            if parameter.default is not None:
                yield _option_of_parameter(syntax, parameter, parameter.default)


def is_command(syntax: Syntax, function: cst.FunctionDef) -> bool:
    """Return whether a library makes the parameters of a function the options of the script's command line."""
    decorators = [d.decorator.func if isinstance(d.decorator, cst.Call) else d.decorator for d in function.decorators]
    names = {last_name(decorator) for decorator in decorators}
    if names & COMMAND_DECORATORS:
        return not names & CLICK_DECORATORS  # click's own decorators define the options.
    calls = calls_by_name(syntax)
    runs = [call for name in RUNNERS for call in calls.get(name, ())]
    runs += [call for call in calls.get("run", ()) if syntax.code(call.func) == "typer.run"]
    return any(last_name(call.args[0].value) == function.name.value for call in runs if call.args)


def _option_of_parameter(syntax: Syntax, parameter: cst.Param, value: cst.BaseExpression) -> CommandLineOption:
    """Return the option that a parameter with the default `value` defines."""
    texts, default = list[str](), value
    annotation = "" if parameter.annotation is None else syntax.code(parameter.annotation.annotation)
    if parameter.annotation is not None:  # Annotated[float, typer.Option("--lr")]
        texts += [string_value(s) or "" for s in syntax.every(cst.SimpleString, parameter.annotation)]
    if isinstance(value, cst.Call) and last_name(value.func) in PARAMETER_CALLS:
        first = [a.value for a in value.args[:1] if a.keyword is None]
        default = keyword_value(value, "default") or next(iter(first), value)
        texts += _positional_strings(value)
    long = f"--{parameter.name.value.replace('_', '-')}"
    spellings = [text.partition("/")[0] for text in texts if text.startswith("-")] or [long]
    is_flag = "bool" in annotation or last_name(default) in ("True", "False")
    return CommandLineOption(
        name=parameter.name.value,
        spellings=tuple(spellings),
        node=parameter,
        default=default,
        presence=True if is_flag else None,
        opposite=_negated(spellings[-1]) if is_flag else "",
        is_fraction="float" in annotation,
    )
