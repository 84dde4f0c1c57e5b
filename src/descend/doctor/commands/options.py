"""The options that several commands share, and the line between ours and the script's own: the script's name."""

import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from descend.doctor.commands.terminal import say
from descend.ground.control_characters import shortened
from descend.ground.errors import UsageError
from descend.ground.regular_files import read_regular

MOST_STEPS = 10**9
MOST_SEED = 2**31 - 1  # fresh seeds come after it, and NumPy takes none above 2³² − 1
MOST_PROCESSES = 1024
DEFAULT_STORE = ".descend"
PASS_ON = {"allow_interspersed_args": False}
NOT_SHOWN = frozenset({"out", "format", "python"})  # options that change nothing of what is shown


def number(
    name: str, low: float, high: float, *, help: str, kind: type[int] | type[float] = int, metavar: str = ""
) -> Any:
    """Return an option that takes a number from `low` to `high`; anything else is one line with value and limits."""
    noun, limits = "a whole number" if kind is int else "a number", f"from {low:.12g} to {high:.12g}"

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:  # no number, or one of more than 4300 digits
            value = None
        if value is None or not low <= value <= high:  # nor is NaN in between
            raise UsageError(f"{name} must be {noun} {limits}, not {shortened(text)}")
        return value

    unit = metavar or kind.__name__.upper()
    return typer.Option(name, parser=read, metavar=f"{unit} {low:.12g}..{high:.12g}", help=help)


def _passed_on(context: typer.Context, arguments: list[str] | None) -> list[str] | None:
    """Say so where an option of ours stands after the script, which does not know it: the script will get it."""
    script = Path(str(context.params.get("script")))
    ours = {name for parameter in context.command.params for name in parameter.opts if name.startswith("--")}
    misplaced = [argument for argument in arguments or () if argument.partition("=")[0] in ours]
    text = _text_of(script) if misplaced else b""
    if text:
        for name in (argument.partition("=")[0] for argument in misplaced):  # its value may be a secret
            if name.lstrip("-").encode() not in text:
                say(
                    f"{name} comes after {script}, so the script receives it; write descend's own options "
                    "before the script"
                )
    return arguments


def _text_of(script: Path) -> bytes:
    """Return a script's text; nothing where it is no file that can be read."""
    try:
        return read_regular(script)
    except (OSError, ValueError):
        return b""


def as_typed(context: typer.Context) -> str:
    """Return the command with the options on its line that say what is shown, for a shell; the script is not in it."""
    words = ["descend", *context.command_path.split()[1:]]
    for parameter in context.command.params:
        name, value = parameter.name or "", context.params.get(parameter.name or "")
        source = context.get_parameter_source(name)
        is_option = parameter.opts[0].startswith("-") and name not in NOT_SHOWN
        if is_option and source is not None and source.name == "COMMANDLINE":
            words += [max(parameter.opts, key=len), *([] if value is True else [shlex.quote(str(value))])]
    return " ".join(words)


def _answering(python: str | None) -> str | None:
    from descend.doctor.run.interpreter import interpreter

    return None if python is None else interpreter(python)


Target = Annotated[
    str, typer.Argument(help="The training script or notebook, unmodified (with -m: a module; -: standard input).")
]
Arguments = Annotated[list[str] | None, typer.Argument(help="Arguments for the script itself.", callback=_passed_on)]
AsModule = Annotated[bool, typer.Option("-m", help="SCRIPT is a module, as for python -m.")]
Python = Annotated[
    str | None,
    typer.Option(
        "--python",
        metavar="PATH",
        help="Run the script with this interpreter. Default: the one that runs descend.",
        callback=_answering,
    ),
]
Where = Annotated[
    str,
    typer.Option(
        "--store", metavar="DIR|URL", help="Keep runs in this folder, or in postgresql+psycopg://host/database."
    ),
]
Number = Annotated[
    int | None,
    typer.Argument(help="The number of a run, as `descend runs` lists it. Default: the last."),
]
Select = Annotated[
    list[str] | None,
    typer.Option("--select", metavar="ID", help="Check only this symptom; may be repeated."),
]
Ignore = Annotated[
    list[str] | None, typer.Option("--ignore", metavar="ID", help="Do not check this symptom; may be repeated.")
]
Processes = Annotated[
    int | None,
    number(
        "--nproc-per-node",
        1,
        MOST_PROCESSES,
        help="Number of processes of a script for torchrun. Default: as torchrun has started, or 1.",
    ),
]
Suggest = Annotated[
    bool,
    typer.Option("--suggest", help="If no problem is found, try small improvements, too; --apply never writes these."),
]
Ray = Annotated[
    str | None,
    typer.Option("--ray", metavar="ADDRESS", help="Run the trials on the Ray cluster at this address; auto: find one."),
]
Trials = Annotated[
    int,
    number(
        "--trials",
        0,
        10_000,
        help="Try at most this many edits in each search, if no known problem explains the failure.",
    ),
]
Format = Annotated[Literal["text", "json"], typer.Option("--format", help="The format of standard output.")]
