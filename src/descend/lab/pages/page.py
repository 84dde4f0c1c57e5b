"""Write a laboratory page: charts and tables under one headline, as one HTML file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from descend.doctor.report.document import Figures, render, write_document
from descend.doctor.report.figure import Figure
from descend.lab.pages.table import Table

TEMPLATES = Path(__file__).parent / "templates"


def write_figures_page(
    headline: str, standfirst: str, command: str, content: Sequence[Figure | Table], path: Path, kept: Any = None
) -> None:
    """Write an HTML page of charts and tables under a headline. Raise `UsageError` if the file cannot be written.

    kept: JSON data that the page stores for the next run of the same command; `descend.core.page_data` reads them.
    """
    figures = Figures()
    shown = [part if isinstance(part, Table) else figures.add(part) for part in content]
    texts = {"headline": headline, "standfirst": standfirst, "command": command}
    write_document(render("figures.html", figures, folder=TEMPLATES, kept=kept, **texts, shown=shown), path)
