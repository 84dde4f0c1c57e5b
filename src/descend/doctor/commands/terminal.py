"""Print on the terminal, with control characters escaped and secrets masked in texts that may come from a script."""

import codecs
import io
import json
import os
import re
import sys
from typing import TYPE_CHECKING

import typer

from descend.core.control_characters import escape_control_characters, on_one_line

if TYPE_CHECKING:  # These imports are only for types; skipping them at run time keeps `--help` fast.
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderResult


SIZE_VARIABLES = ("COLUMNS", "LINES")
VALID_SIZE = re.compile("[1-9][0-9]{0,3}")  # matches a valid number of columns or lines of a terminal


def prepare_output() -> None:
    r"""Make standard output accept every text: characters that its encoding lacks are escaped as in JSON (`\u2026`).

    Invalid terminal sizes are removed from the environment, because the library that prints the help would fail.
    """
    for name in SIZE_VARIABLES:
        if not VALID_SIZE.fullmatch(os.environ.get(name, "1")):
            del os.environ[name]
    if isinstance(sys.stdout, io.TextIOWrapper) and _lacks_characters(sys.stdout):
        codecs.register_error("descend.escape", _escape)
        sys.stdout.reconfigure(errors="descend.escape")


def _lacks_characters(stream: io.TextIOWrapper) -> bool:
    """Return whether the stream's encoding lacks some characters, so that writing them would raise an error."""
    is_ascii = stream.errors == "surrogateescape" and not stream.encoding.lower().startswith("utf")
    return stream.errors == "strict" or is_ascii


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Return the JSON escapes of the characters that cannot be encoded, and the index where encoding continues."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def say(text: str) -> None:
    """Print one line from descend itself on standard error, with secrets masked."""
    from descend.doctor.redaction import mask_secrets

    typer.echo(f"descend: {on_one_line(mask_secrets(text))}", err=True)


def pass_on_error(text: str) -> None:
    """Print a traceback or the error output of a failed script on standard error, with secrets masked."""
    from descend.doctor.redaction import mask_secrets

    typer.echo(escape_control_characters(mask_secrets(text)), err=True, nl=False)


def console(*, stderr: bool = False) -> "Console":
    """Return a rich console that escapes all control characters except those of rich's styles."""
    from rich.console import Console

    escaping = Console(stderr=stderr, _environ=_environment())
    if escaping.is_jupyter:
        # rich would make a piece of HTML from each line, and the streams of a kernel claim to be terminals.
        escaping = Console(stderr=stderr, force_jupyter=False, force_terminal=False, _environ=_environment())
    escaping.push_render_hook(_Escaping())  # type: ignore[arg-type] # inheriting from rich's class would import rich
    return escaping


def plain_text(report: "RenderableType", width: int) -> str:
    """Return what a terminal of this width would show of a report, as plain text with control characters escaped."""
    from rich.console import Console

    stream = io.StringIO()
    escaping = Console(file=stream, width=width, force_jupyter=False, force_terminal=False, _environ=_environment())
    escaping.push_render_hook(_Escaping())  # type: ignore[arg-type] # inheriting from rich's class would import rich
    escaping.print(report)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def _environment() -> dict[str, str]:
    """Return the environment variables without invalid terminal sizes, which make rich fail or print endless lines."""
    return {name: text for name, text in os.environ.items() if name not in SIZE_VARIABLES or VALID_SIZE.fullmatch(text)}


class _Escaping:
    """A render hook of rich that escapes control characters after rendering, so that styles are not affected."""

    def process_renderables(self, renderables: "list[ConsoleRenderable]") -> "list[ConsoleRenderable]":
        """Wrap all objects to be printed in `_Escaped`, so that their texts are escaped."""
        return [_Escaped(renderable) for renderable in renderables]


class _Escaped:
    """An object that rich can print: the wrapped object, with its control characters escaped."""

    def __init__(self, renderable: "ConsoleRenderable") -> None:
        self._renderable = renderable

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        for segment in console.render(self._renderable, options):
            yield segment if segment.control else segment._replace(text=escape_control_characters(segment.text))
