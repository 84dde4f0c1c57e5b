"""The pages of the remedies, commands, optimizers and schedules, written from their code."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType

import typer
from typer.main import get_command

from descend import averaging, data, landscape, network, optim, parallel, schedules, trajectories
from descend.cli import app
from descend.doctor.catalog import CATALOG
from descend.doctor.remedies import REMEDIES

GUIDES = {
    "network": ("knobs", "The network"),
    "data": ("knobs", "The data"),
    "averaging": ("knobs", "Averages and checkpoints"),
    "landscape": ("landscape", "The landscape"),
    "trajectories": ("landscape", "Paths of update rules"),
    "parallel": ("parallel", "Many processors"),
}  # module -> place and title of its guide
PARTS = (network, data, averaging, landscape, trajectories, parallel)
FIELD = re.compile(r"^(Parameters|Returns|Raises|Examples|Attributes)\n-+$", re.MULTILINE)


def remedy_page(name: str) -> str:
    """Return the page of one remedy: what it edits, for which problems, and its code."""
    function = REMEDIES[name]
    problems = [problem for problem in CATALOG.values() if any(name in e.remedies for e in problem.remedies)]
    lines = [f"# {name}", "", inspect.getdoc(function) or "", ""]
    if problems:
        lines += ["It is tried for:", ""]
        lines += [f"- [{problem.title}](../symptoms/{problem.id}.md)" for problem in problems]
    lines += [
        "",
        f"`descend prove --remedy {name} train.py` tries it by itself.",
        "",
        "## Its code",
        "",
        "```python",
        inspect.getsource(inspect.getmodule(function)).rstrip(),  # type: ignore[arg-type] # it has a module
        "```",
    ]
    return "\n".join(lines) + "\n"


def class_page(kind: type, example: str, listed: str, details: Iterable[str] = ()) -> str:
    """Return the page of an optimizer or a schedule: its purpose, its parameters with defaults, and its code.

    example: how it is created. listed: a sentence with a link to the page that compares it with others. details: more
    lines about it.
    """
    module = inspect.getmodule(kind)
    assert module is not None
    lines = [f"# {kind.__name__}", "", _summary(kind), "", "```python", example, "```", "", listed, ""]
    lines += [*details, *_parameters(kind)]
    lines += ["## Its code", "", "```python", inspect.getsource(module).rstrip(), "```"]
    return "\n".join(lines) + "\n"


def part_pages() -> Iterator[tuple[str, str]]:
    """Yield the place and the text of the page of each part of a network, of data, of averages and so on."""
    index = [
        "# Parts",
        "",
        "The public functions and classes of each package, apart from optimizers and schedules.",
        "",
    ]
    for module in PARTS:
        name = module.__name__.partition(".")[2]
        about = (inspect.getdoc(module) or "").split("\n", 1)[0]
        index += [f"## {name}", "", about, "", "| part | purpose |", "|---|---|"]
        for part in sorted(module.__all__, key=str.lower):
            value = getattr(module, part)
            if callable(value):
                index.append(f"| [{part}]({name}/{part}.md) | {_cell(_summary(value).split(chr(10) * 2)[0])} |")
                yield f"parts/{name}/{part}.md", _part_page(name, part, value)
        index.append("")
    yield "parts/index.md", "\n".join(index)


def _part_page(module: str, name: str, part: Callable[..., object]) -> str:
    """Return the page of one public class or function: purpose, signature, parameters, example and code."""
    page, title = GUIDES[module]
    lines = [f"# {name}", "", _summary(part), "", "```python", f"from descend.{module} import {name}", "```", ""]
    lines += [f"Guide: [{title}](../../lookup/{page}.md).", "", *_parameters(part), *_sections(part)]
    lines += ["## Its code", "", "```python", inspect.getsource(part).rstrip(), "```"]
    return "\n".join(lines) + "\n"


def _sections(part: Callable[..., object]) -> Iterator[str]:
    """Yield what a docstring says of results, errors, attributes and examples."""
    fields = FIELD.split(inspect.getdoc(part) or "")
    for name, text in zip(fields[1::2], fields[2::2]):
        if name != "Parameters":
            yield from (f"## {name}", "", "```python" if name == "Examples" else "```text", text.strip(), "```", "")


def optimizer_classes() -> dict[str, type]:
    """Return the optimizers of `descend.optim` by name."""
    return _subclasses(optim, optim.Optimizer)


def schedule_classes() -> dict[str, type]:
    """Return the schedules of `descend.schedules` by name."""
    return _subclasses(schedules, schedules.Schedule)


def _subclasses(module: ModuleType, base: type) -> dict[str, type]:
    """Return the public subclasses of a class in a module by name, without the class itself."""
    known = {name: getattr(module, name) for name in module.__all__}
    return {name: k for name, k in known.items() if inspect.isclass(k) and issubclass(k, base) and k is not base}


def command_pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the page of each command."""
    group = get_command(app)
    for name, command in sorted(group.commands.items()):  # type: ignore[attr-defined] # it is a group
        if not command.hidden:
            yield name, command_page(f"descend {name}", command)


def command_page(path: str, command: "typer.core.TyperCommand") -> str:
    """Return the page of one command: its help text, its arguments and options, and those of its subcommands."""
    context = typer.Context(command, info_name=path)
    help_text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    lines = [
        f"# {path}",
        "",
        help_text,
        "",
        "```",
        f"{path} {' '.join(command.collect_usage_pieces(context))}",
        "```",
        "",
    ]
    rows = [parameter.get_help_record(context) or _argument(parameter) for parameter in command.get_params(context)]
    if known := [row for row in rows if row is not None]:
        lines += ["| argument or option | meaning |", "|---|---|"]
        lines += [f"| `{name}` | {_cell(text)} |" for name, text in known]
        lines.append("")
    if epilog := getattr(command, "epilog", None):
        lines += [epilog, ""]
    for name, part in sorted(getattr(command, "commands", {}).items()):
        lines += [command_page(f"{path} {name}", part).replace("# ", "## ", 1)]
    return "\n".join(lines)


def _argument(parameter: object) -> tuple[str, str] | None:
    """Return the name and the help text of a positional argument."""
    name, text = getattr(parameter, "metavar", None) or getattr(parameter, "name", ""), getattr(parameter, "help", "")
    return (str(name).upper(), text) if text else None


def _cell(text: str) -> str:
    """Return a text as the cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _summary(kind: Callable[..., object]) -> str:
    """Return a docstring up to its first section."""
    return FIELD.split(inspect.getdoc(kind) or "")[0].strip()


def _parameters(kind: Callable[..., object]) -> list[str]:
    """Return the parameters of a class or function as a table."""
    parts = FIELD.split(inspect.getdoc(kind) or "")
    sections = dict(zip(parts[1::2], parts[2::2]))
    rows = re.findall(r"^(\S.*?) : (.+)\n((?:    .+\n?)+)", sections.get("Parameters", "").strip() + "\n", re.MULTILINE)
    if not rows:
        return []
    lines = ["## Parameters", "", "| name | type | default | meaning |", "|---|---|---|---|"]
    defaults = {name: parameter.default for name, parameter in inspect.signature(kind).parameters.items()}
    for name, type_, text in rows:
        default = defaults.get(name, inspect.Parameter.empty)
        shown = "" if default is inspect.Parameter.empty else f"`{default!r}`"
        lines.append(f"| `{name}` | {type_} | {shown} | {_cell(text)} |")
    return [*lines, ""]
