"""Print texts that may come from a script, with control characters escaped: nothing else prints such texts."""

import os
import re
from typing import TYPE_CHECKING

import typer

from descend.ground.control_characters import escaped, on_one_line

if TYPE_CHECKING:  # `--help` would wait for them
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult


SIZES = ("COLUMNS", "LINES")
A_SIZE = re.compile("[1-9][0-9]{0,3}")  # of a terminal, in characters


def say(text: str) -> None:
    """Print one line of ours on standard error, without secrets."""
    from descend.doctor.redaction import clean

    typer.echo(f"descend: {on_one_line(clean(text))}", err=True)


def pass_on_error(text: str) -> None:
    """Print on standard error a traceback, or what a script has written there before it failed, without secrets."""
    from descend.doctor.redaction import clean

    typer.echo(escaped(clean(text)), err=True, nl=False)


def console(*, stderr: bool = False) -> "Console":
    """Return a console on which nothing but its own styles is a control sequence."""
    from rich.console import Console

    made = Console(stderr=stderr, _environ=_environment())
    made.push_render_hook(_Escaping())  # type: ignore[arg-type] # to inherit from rich's class is to import it
    return made


def _environment() -> dict[str, str]:
    """Return the environment without sizes that no terminal has: rich would fail, or print a line of any length."""
    return {name: text for name, text in os.environ.items() if name not in SIZES or A_SIZE.fullmatch(text)}


class _Escaping:
    """A hook of rich: what is printed is rendered first, so that its texts are known and its styles are not changed."""

    def process_renderables(self, renderables: "list[ConsoleRenderable]") -> "list[ConsoleRenderable]":
        return [_Escaped(renderable) for renderable in renderables]


class _Escaped:
    def __init__(self, renderable: "ConsoleRenderable") -> None:
        self._renderable = renderable

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        for segment in console.render(self._renderable, options):
            yield segment if segment.control else segment._replace(text=escaped(segment.text))
