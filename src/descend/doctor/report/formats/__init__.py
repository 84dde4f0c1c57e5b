"""The report in other formats, one renderer a file: Markdown, text for coding assistants, SARIF and GitHub."""

from collections.abc import Callable
from typing import Literal

from descend.doctor.case import Case
from descend.doctor.report.formats.agent import render_agent
from descend.doctor.report.formats.github import render_github
from descend.doctor.report.formats.markdown import render_markdown
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
    text = RENDERERS[format](case, store).rstrip("\n") + "\n"
    # A path that is not valid UTF-8 contains lone surrogates, which cannot be printed.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
