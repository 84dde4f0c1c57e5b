"""Options that several commands share. Options before the script's name are descend's, later ones the script's."""

import re
import shlex
from math import isnan, nan
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from descend.core.bound import Bound
from descend.core.control_characters import shortened
from descend.core.errors import UsageError
from descend.core.regular_files import read_regular_file
from descend.doctor.commands.completion import complete_problem_id
from descend.doctor.commands.terminal import say

MOST_STEPS = 10**9
MOST_SEED = 2**31 - 1  # largest seed of a user; trials use larger ones, up to the 2³² − 1 that NumPy accepts
MOST_PROCESSES = 1024
LEAST_BUDGET_S = Bound(
    10.0,
    "seconds",
    "chosen: 4 s are kept for the report, and starting and importing torch take 3 s, which leaves 3 s for the training",
)
BUDGET_LIMITS = (LEAST_BUDGET_S, 1e7)  # seconds; the upper limit is that of --seconds
BUDGET_METAVAR = "TIME {:.12g}..{:.12g}".format(*BUDGET_LIMITS)
SECONDS_IN = {"s": 1, "m": 60, "h": 3600}
DEFAULT_STORE = ".descend"
PASS_ON = {"allow_interspersed_args": False}
OUTPUT_OPTIONS = frozenset({"out", "format", "python"})  # options that do not change the contents of a lab page


# titles of the panels in which --help lists options other than the most used ones
TRIALS, ISOLATION, RARELY_USED = "Trials and seeds", "Isolation", "Rarely used options"


def number(  # noqa: PLR0913 - the keywords are those of typer.Option
    name: str,
    low: float,
    high: float,
    *,
    help: str,
    kind: type[int] | type[float] = int,
    metavar: str = "",
    panel: str | None = None,
) -> Any:
    """Return a typer option named `name` that accepts a number from `low` to `high` and rejects any other text."""
    noun, limits = "a whole number" if kind is int else "a number", f"from {low:.12g} to {high:.12g}"

    def read(text: str) -> float:
        """Convert the option's text to a number. Raise `UsageError` if it is not a number or outside the limits."""
        try:
            value = kind(text)
        except ValueError:  # the text is not a number, or an integer with more than 4300 digits
            value = None
        if value is None or not low <= value <= high:  # the comparison is also false for NaN
            raise UsageError(f"{name} must be {noun} {limits}, not {shortened(text)}")
        return value

    unit = metavar or kind.__name__.upper()
    limits_shown = f"{unit} {low:.12g}..{high:.12g}"
    return typer.Option(name, parser=read, metavar=limits_shown, help=help, rich_help_panel=panel)


def parse_budget(text: str) -> float:
    """Return the seconds of a time such as `90`, `90s`, `2m` or `1h`; NaN if it is no time or outside the limits."""
    digits, unit = (text[:-1], text[-1]) if text[-1:] in SECONDS_IN else (text, "s")
    try:
        seconds = float(digits) * SECONDS_IN[unit]
    except ValueError:
        return nan
    return seconds if BUDGET_LIMITS[0] <= seconds <= BUDGET_LIMITS[1] else nan


def read_budget(text: str) -> float:
    """Return the seconds that `--budget` names. Raise `UsageError` if it is no time or outside the limits."""
    seconds = parse_budget(text)
    if isnan(seconds):
        limits = "from {:.12g} to {:.12g} seconds".format(*BUDGET_LIMITS)
        raise UsageError(f"--budget must be a time such as 90s, 2m or 1h, {limits}, not {shortened(text)}")
    return seconds


def _read_run_number(text: str) -> int:
    """Return the number of a run. Raise `UsageError` if the text is not a whole number."""
    try:
        return int(text)
    except ValueError:  # the text is not a number, or has more than 4300 digits
        raise UsageError(
            f"a run is named by its number, such as 1, not {shortened(text)}; descend runs lists all runs"
        ) from None


def _warn_of_misplaced_options(context: typer.Context, arguments: list[str] | None) -> list[str] | None:
    """Return the script's arguments; warn if one is an option of descend that the script itself does not mention."""
    script = Path(str(context.params.get("script")))
    ours = {name for parameter in context.command.params for name in parameter.opts if name.startswith("--")}
    misplaced = [argument for argument in arguments or () if argument.partition("=")[0] in ours]
    text = _source_of(script) if misplaced else b""
    if text:
        # Only the option's name is shown, since its value may be a secret.
        for name in (argument.partition("=")[0] for argument in misplaced):
            if not re.search(rb"\b%b\b" % re.escape(name.lstrip("-").encode()), text):
                say(f"{name} comes after {script}, so the script receives it; options of descend come before it")
    return arguments


def _source_of(script: Path) -> bytes:
    """Return the bytes of a script's source file; empty if the file cannot be read."""
    try:
        return read_regular_file(script)
    except (OSError, ValueError):
        return b""


def command_line(context: typer.Context) -> str:
    """Return the command as typed in a shell, without the script and without options that only affect the output."""
    words = ["descend", *context.command_path.split()[1:]]
    for parameter in context.command.params:
        name, value = parameter.name or "", context.params.get(parameter.name or "")
        source = context.get_parameter_source(name)
        is_option = parameter.opts[0].startswith("-") and name not in OUTPUT_OPTIONS
        if is_option and source is not None and source.name == "COMMANDLINE":
            words += [max(parameter.opts, key=len), *([] if value is True else [shlex.quote(str(value))])]
    return " ".join(words)


def _check_interpreter(python: str | None) -> str | None:
    """Return the path of the Python interpreter that `--python` names. Raise `UsageError` if it does not work."""
    from descend.doctor.execution.interpreter import check_interpreter

    return None if python is None else check_interpreter(python)


Target = Annotated[
    str,
    typer.Argument(
        metavar="SCRIPT",
        help='The unmodified training script or notebook, or "-" to read a script from standard input. '
        "With -m, the name of a module.",
    ),
]
Arguments = Annotated[
    list[str] | None,
    typer.Argument(metavar="ARGUMENTS", help="Arguments for the script itself.", callback=_warn_of_misplaced_options),
]
AsModule = Annotated[bool, typer.Option("-m", help="SCRIPT is the name of a module, as in python -m.")]
Python = Annotated[
    str | None,
    typer.Option(
        "--python",
        metavar="PATH",
        help="Run the script with this Python interpreter. Default: the interpreter that runs descend.",
        callback=_check_interpreter,
        rich_help_panel=RARELY_USED,
    ),
]
Where = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="DIR|URL",
        help="The folder in which runs are kept, or the URL of a database, such as postgresql+psycopg://host/runs.",
    ),
]
Number = Annotated[
    int | None,
    typer.Argument(
        parser=_read_run_number,
        metavar="RUN",
        help="The number of a run, as listed by `descend runs`. Default: the last run.",
    ),
]
Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="ID",
        help="Check only for the problem with this id; may be repeated.",
        autocompletion=complete_problem_id,
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="ID",
        help="Do not check for the problem with this id; may be repeated.",
        autocompletion=complete_problem_id,
    ),
]
Processes = Annotated[
    int | None,
    number(
        "--nproc-per-node",
        1,
        MOST_PROCESSES,
        help="The number of processes of a script written for torchrun. Default: as many as torchrun started, or 1.",
        panel=RARELY_USED,
    ),
]
Quick = Annotated[
    bool,
    typer.Option(
        "--quick",
        help="Only observe the script, in one run of at most about twice its time. Report what is certain or likely, "
        "with edits that were not tried.",
    ),
]
Budget = Annotated[
    float | None,
    typer.Option(
        "--budget",
        parser=read_budget,
        metavar=BUDGET_METAVAR,
        help="Take at most this long in total, such as 90s, 2m or 1h. The most promising remedies are tried first; "
        "what does not fit is listed. Default: no limit.",
    ),
]
Suggest = Annotated[
    bool,
    typer.Option("--suggest", help="If no problem is found, also try small improvements, which --apply never writes."),
]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Run the trials on the Ray cluster at this address; auto uses a running cluster.",
        rich_help_panel=TRIALS,
    ),
]
Trials = Annotated[
    int,
    number(
        "--trials",
        0,
        10_000,
        help="If no known problem explains the failure, try at most this many edits in each search.",
        panel=TRIALS,
    ),
]
Seed = Annotated[
    int, number("--seed", 0, MOST_SEED, help="Add this number to every seed that the script sets.", panel=TRIALS)
]
AllowEffects = Annotated[
    bool,
    typer.Option(
        "--allow-effects",
        help="Refuse and redirect nothing: the script may write anywhere, open connections and start programs.",
        rich_help_panel=ISOLATION,
    ),
]
SandboxLevel = Annotated[
    str,
    typer.Option(
        "--sandbox",
        metavar="LEVEL",
        help="Isolate the script with namespaces, landlock or hooks; auto chooses the strongest one available.",
        rich_help_panel=ISOLATION,
    ),
]
Format = Annotated[Literal["text", "json"], typer.Option("--format", help="The format of standard output.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also list the checks that could not run, and why they could not.")
]
ReportFormat = Literal["text", "json", "markdown", "agent", "sarif", "github"]
CaseFormat = Annotated[
    ReportFormat | None,
    typer.Option(
        "--format",
        help="The format of standard output. Default: text, or agent if a coding assistant runs descend.",
    ),
]
