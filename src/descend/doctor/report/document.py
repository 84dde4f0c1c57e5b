"""One self-contained HTML file, readable offline: the page's dress, its charts, and how it is written."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from descend.doctor.redaction import clean, cleaned
from descend.doctor.redaction.private import make_folder
from descend.doctor.report.figure import Figure
from descend.doctor.report.table import Table
from descend.ground.control_characters import escaped
from descend.ground.errors import UsageError, reason_of
from descend.ground.kept import END, TAG
from descend.ground.regular_files import replace_file

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


@dataclass
class Figures:
    """The figures of one page, numbered in the order in which they appear."""

    taken: int = 0
    plots: list[dict[str, Any]] = field(default_factory=list)

    def take(self, figure: Figure | None) -> dict[str, Any] | None:
        """Return what the template needs to place a figure; None when there is none."""
        if figure is None:
            return None
        self.taken += 1
        self.plots += figure.plots()
        return {"number": self.taken, "caption": figure.caption, "panels": figure.panels}

    def json(self) -> str:
        """Return all plots as JSON that may stand inside a script element."""
        return script_json(self.plots)


def script_json(value: Any) -> str:
    """Return JSON that may stand inside a script element, without secrets."""
    text = json.dumps(cleaned(value), allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def environment() -> "Environment":
    """Return where the templates are found. What they show is without secrets and control characters."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # here, or `descend --help` would wait for it

    loader = FileSystemLoader(TEMPLATES)
    rules: dict[str, Any] = {"autoescape": True, "undefined": StrictUndefined, "finalize": _shown}
    return Environment(loader=loader, trim_blocks=True, lstrip_blocks=True, **rules)


def _shown(value: Any) -> Any:
    return escaped(clean(value)) if type(value) is str else value  # what is markup already is our own


def render(template: str, figures: Figures, *, events: str = "", kept: Any = None, **shown: Any) -> str:
    """Return a template filled in, with the figures taken so far and what draws them.

    `events`: where a page that is served hears of its changes; it may have none to draw yet. `kept`: see `kept_in`.
    """
    from plotly.offline import get_plotlyjs

    plotly = get_plotlyjs() if figures.plots or events else ""
    page = environment().get_template(template)
    held = "" if kept is None else f"{TAG}{script_json(kept)}{END}"
    return page.render(**shown, figures=figures.json(), plotly=plotly, events=events, kept=held)


def check_writable(path: Path) -> None:
    """Raise `UsageError` where no page could be written, before it takes long to make one."""
    try:
        if _is_special(path):
            return
        make_folder(path.parent)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        is_folder = path.is_dir()
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot write {path}: {reason_of(error)}") from None
    if is_folder:
        raise UsageError(f"cannot write {path}: Is a directory")


def write_whole(text: str, path: Path) -> None:
    """Write a page to `path`, whole or not at all. Raises `UsageError` when it cannot be written.

    What is no file, such as /dev/null or a pipe, is written to and stays what it is.
    """
    data = text.encode("utf-8", "replace")
    try:
        if _is_special(path):
            path.write_bytes(data)
            return
        make_folder(path.parent)
        replace_file(path, data)
    except (OSError, ValueError) as error:  # a name with a null byte, or with half of a surrogate pair
        raise UsageError(f"cannot write {path}: {reason_of(error)}") from None


def _is_special(path: Path) -> bool:
    """Whether there is something that is neither a file nor a folder: a device, a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()


def write_pictures(
    headline: str, standfirst: str, command: str, pictures: Sequence[Figure | Table], path: Path, kept: Any = None
) -> None:
    """Write a page of pictures and tables under one headline. Raises `UsageError` when it cannot be written.

    kept: what the page holds for the command that writes it, as JSON; `kept_in` reads it.
    """
    figures = Figures()
    shown = [p if isinstance(p, Table) else figures.take(p) for p in pictures]
    words = {"headline": headline, "standfirst": standfirst, "command": command}
    write_whole(render("pictures.html", figures, kept=kept, **words, shown=shown), path)
