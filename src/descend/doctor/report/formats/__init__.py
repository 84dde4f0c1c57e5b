"""The report in other formats, one renderer a file: Markdown, text for coding assistants, SARIF and GitHub."""

from collections.abc import Callable
from typing import Literal

from descend.doctor.case import Case
from descend.doctor.report.formats.agent import render_agent
from descend.doctor.report.formats.github import render_github
from descend.doctor.report.formats.markdown import render_markdown
from descend.doctor.report.formats.next_steps import next_commands
from descend.doctor.report.formats.sarif import render_sarif
from descend.doctor.report.json_report import render_json

PlainFormat = Literal["json", "markdown", "agent", "sarif", "github"]  # the formats without colours and tables
RENDERERS: dict[PlainFormat, Callable[[Case, str], str]] = {
    "json": lambda case, store: render_json(case),
    "markdown": render_markdown,
    "agent": render_agent,
    "sarif": lambda case, store: render_sarif(case),
    "github": lambda case, store: render_github(case),
}


def render(case: Case, format: PlainFormat, store: str) -> str:
    """Return the report on a case in one of the formats, with a line end. store: the value of `--store`."""
    return _as_printable(RENDERERS[format](case, store))


def render_for_assistant(case: Case, store: str, directory: str) -> str:
    """Return the report for a coding assistant with the next commands, which it runs in `directory`; "" for its own."""
    steps = [f"next: {command}" for command in next_commands(case, store, directory)]
    return _as_printable("\n".join([render_agent(case, store, directory), *steps]))


def _as_printable(text: str) -> str:
    """Return a text with one line end and without characters that cannot be printed."""
    text = text.rstrip("\n") + "\n"
    # A path that is not valid UTF-8 contains lone surrogates, which cannot be printed.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
