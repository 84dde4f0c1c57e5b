"""The charts of a page as Plotly's own figures, to go on with in a notebook: `figures("curvature.html")`."""

import re
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from descend.doctor.report.document import TEMPLATES
from descend.ground.errors import UsageError
from descend.ground.kept import part_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

ROOM_ABOVE = 40  # pixels, for the title that stands above a chart on the page


def figures(page: str | PathLike[str]) -> "list[go.Figure]":
    """Return the charts of a page that descend has written, from top to bottom, in its colours by day.

    Their numbers are `figure.data[0].x`, `.y` and, of a surface, `.z`. Raises `UsageError` for any other file.

    >>> from descend import figures
    >>> figures("curvature.html")[0].show()
    """
    import plotly.graph_objects as go

    charts, tones = part_of(Path(page), "figures"), _tones()
    if charts is None:
        raise UsageError(f"{page} is no page that descend has written, or cannot be read")
    return [go.Figure(_dressed(chart["data"], tones), _layout(chart["layout"], tones)) for chart in charts]


def _layout(own: dict[str, Any], tones: dict[str, str]) -> dict[str, Any]:
    layout: dict[str, Any] = _dressed(own, tones)
    margin = {**layout["margin"], "t": layout["margin"]["t"] + ROOM_ABOVE}
    title = {"text": layout.pop("meta", {}).get("title", ""), "font": {"size": 14}}
    look = {"template": "simple_white", "font": {"color": tones["ink"]}, "height": layout["height"] + ROOM_ABOVE}
    return layout | look | {"margin": margin, "title": title}


def _tones() -> dict[str, str]:
    """Return the colours of the tones: what the page's dress says first is how they are by day."""
    dress = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", dress[: dress.index("}")]))


def _dressed(value: Any, tones: dict[str, str], key: str = "") -> Any:
    """Return the chart with the colours that its tones stand for, as `page.js` does."""
    if isinstance(value, list):
        return [_dressed(item, tones, key) for item in value]
    if isinstance(value, dict):
        return {name: _dressed(item, tones, name) for name, item in value.items()}
    is_colour = isinstance(value, str) and key.endswith(("color", "colorscale"))
    return tones.get(value, value) if is_colour else value
