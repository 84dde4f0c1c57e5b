"""Render and write one self-contained HTML file, with style sheet and charts, that can be read offline."""

import hashlib
import json
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from descend.core.control_characters import escape_control_characters
from descend.core.errors import UsageError, reason_of
from descend.core.page_data import END, TAG
from descend.core.regular_files import write_output
from descend.doctor.redaction import mask_secrets, mask_secrets_in
from descend.doctor.redaction.private import make_folder
from descend.doctor.report.figure import Figure
from descend.doctor.report.svg_chart import limit_points, make_charts

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
DIGITS = 6  # number of significant digits of the numbers that a static page stores


@dataclass
class Figures:
    """Collects and numbers the figures of one page. is_static: whether they are SVG instead of interactive charts."""

    is_static: bool = False
    count: int = 0
    plots: list[dict[str, Any]] = field(default_factory=list)

    def add(self, figure: Figure | None) -> dict[str, Any] | None:
        """Add a figure to the page and return its number, caption and charts for the template; None for no figure."""
        if figure is None:
            return None
        self.count += 1
        figure = limit_points(figure) if self.is_static else figure
        self.plots += figure.plots()
        charts = make_charts(figure) if self.is_static else []
        return {"number": self.count, "caption": figure.caption, "panels": figure.panels, "charts": charts}

    def json(self) -> str:
        """Return the charts of all figures as JSON that is safe inside an HTML script element.

        On a static page, only `descend.figures` reads them, and numbers are rounded so that the page stays small.
        """
        return script_json(_rounded(self.plots) if self.is_static else self.plots)


def _rounded(value: Any) -> Any:
    """Return nested data with all floating-point numbers rounded to `DIGITS` significant digits."""
    match value:
        case dict():
            return {key: _rounded(item) for key, item in value.items()}
        case list() | tuple():
            return [_rounded(item) for item in value]
        case float():
            return float(f"{value:.{DIGITS}g}")
    return value


def script_json(value: Any) -> str:
    """Return a value as JSON that is safe inside an HTML script element, with secrets masked."""
    text = json.dumps(mask_secrets_in(value), allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def template_environment(*folders: Path) -> "Environment":
    """Return the Jinja environment that loads templates from the report's folder and from `folders`.

    It masks secrets and escapes control characters in all values.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # imported here, because importing jinja2 is slow

    options: dict[str, Any] = {"autoescape": True, "undefined": StrictUndefined, "finalize": _mask_and_escape}
    loader = FileSystemLoader([TEMPLATES, *folders])
    return Environment(loader=loader, trim_blocks=True, lstrip_blocks=True, **options)


def _mask_and_escape(value: Any) -> Any:
    """Mask secrets and escape control characters in a plain string. Any other value is returned unchanged."""
    return escape_control_characters(mask_secrets(value)) if type(value) is str else value


def render(
    template: str,
    figures: Figures,
    *,
    folder: Path = TEMPLATES,
    events: str = "",
    kept: Any = None,
    **values: Any,
) -> str:
    """Fill in an HTML template and return the page, with the figures added so far and the code that draws them.

    folder: where the template is. events: the URL of the server-sent events of a live page, whose figures may arrive
    later. kept: JSON data that the page stores for the next run of the command; `descend.core.page_data` reads them.
    """
    plotly = ""
    if events or (figures.plots and not figures.is_static):
        from plotly.offline import get_plotlyjs  # imported here, because importing plotly is slow

        plotly = get_plotlyjs()
    page = template_environment(folder).get_template(template)
    kept_element = "" if kept is None else f"{TAG}{script_json(kept)}{END}"
    placeholder = str(uuid.uuid4())  # a UUID: other random strings would be masked as secrets
    text = page.render(
        **values, figures=figures.json(), plotly=plotly, events=events, kept=kept_element, nonce=placeholder
    )
    return _add_nonce(text, placeholder)


def _add_nonce(text: str, placeholder: str) -> str:
    """Replace the placeholder in a page by a nonce, so that a browser runs only the scripts that descend wrote.

    The nonce is a hash of the page, so that the same contents give the same page. No text on the page can contain it.
    """
    digest = hashlib.sha256(text.replace(placeholder, "").encode("utf-8", "replace")).digest()
    return text.replace(placeholder, str(uuid.UUID(bytes=digest[:16])))


def check_writable(path: Path) -> None:
    """Raise `UsageError` if no file can be written to `path`. It is called before a page is computed, to fail early."""
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


def write_document(text: str, path: Path) -> None:
    """Write a page to `path`, replacing an old file atomically. Raise `UsageError` if `path` cannot be written.

    A special file, such as /dev/null or a pipe, is written to and not replaced.
    """
    data = text.encode("utf-8", "replace")
    try:
        make_folder(path.parent)
        write_output(path, data)
    except (OSError, ValueError) as error:  # ValueError: the path contains a null byte or a lone surrogate
        raise UsageError(f"cannot write {path}: {reason_of(error)}") from None


def _is_special(path: Path) -> bool:
    """Return whether the path exists and is neither a file nor a folder, for example a device or a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()
