"""Read the charts of a page that descend has written as Plotly figures, for use in a notebook."""

import re
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from descend.core.errors import UsageError
from descend.core.page_data import read_page_element
from descend.doctor.report.document import TEMPLATES

if TYPE_CHECKING:
    import plotly.graph_objects as go

TITLE_HEIGHT = 40  # height of the title of a chart in pixels


def figures(page: str | PathLike[str]) -> "list[go.Figure]":
    """Read an HTML page that descend has written, and return its charts as Plotly figures in light mode.

    The data are `figure.data[0].x`, `.y` and, for a surface, `.z`.

    Parameters
    ----------
    page : str or os.PathLike
        The path of the page, such as a report or a page of `descend lab`.

    Returns
    -------
    list of plotly.graph_objects.Figure
        The charts, in the order of the page.

    Raises
    ------
    UsageError
        If descend has not written the file, or it cannot be read.

    Examples
    --------
    >>> from descend import figures
    >>> figures("curvature.html")[0].show()
    """
    import plotly.graph_objects as go

    charts, tones = read_page_element(Path(page), "figures"), _tone_colours()
    if charts is None:
        raise UsageError(f"{page} is not a page written by descend, or it cannot be read")
    return [go.Figure(_replace_tones(chart["data"], tones), _layout(chart["layout"], tones)) for chart in charts]


def _layout(own: dict[str, Any], tones: dict[str, str]) -> dict[str, Any]:
    """Return the Plotly layout of a chart, to which title, fonts and colours are added."""
    layout: dict[str, Any] = _replace_tones(own, tones)
    margin = {**layout["margin"], "t": layout["margin"]["t"] + TITLE_HEIGHT}
    title = {"text": layout.pop("meta", {}).get("title", ""), "font": {"size": 14}}
    look = {"template": "simple_white", "font": {"color": tones["ink"]}, "height": layout["height"] + TITLE_HEIGHT}
    return layout | look | {"margin": margin, "title": title}


def _tone_colours() -> dict[str, str]:
    """Return a dictionary from each colour name of the style sheet, such as "ink", to its colour in light mode."""
    css = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", css[: css.index("}")]))


def _replace_tones(value: Any, tones: dict[str, str], key: str = "") -> Any:
    """Replace the colour names of the style sheet in the data of a chart by their colours, as the page does."""
    if isinstance(value, list):
        return [_replace_tones(item, tones, key) for item in value]
    if isinstance(value, dict):
        return {name: _replace_tones(item, tones, name) for name, item in value.items()}
    is_colour = isinstance(value, str) and key.endswith(("color", "colorscale"))
    return tones.get(value, value) if is_colour else value
