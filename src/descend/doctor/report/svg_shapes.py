"""The parts of a static chart, with their positions: percentages of the chart's width, and pixels of its height."""

from dataclasses import dataclass, field

from descend.doctor.report.svg_axis import Tick


@dataclass(frozen=True)
class Curve:
    """A line or a filled area. path: its SVG path, in thousandths of the chart's width and pixels."""

    path: str
    tone: str
    width: float
    dash: str
    opacity: float
    is_filled: bool


@dataclass(frozen=True)
class Mark:
    """A point or an interval's end. x: percent of the width; y: pixels; cap: "", "horizontal" or "vertical"."""

    x: float
    y: float
    radius: float
    tone: str
    hint: str = ""
    cap: str = ""
    is_hollow: bool = False  # whether a point is a ring


@dataclass(frozen=True)
class Bar:
    """A rectangle. x, width: percent of the chart's width; y, height: pixels."""

    x: float
    width: float
    y: float
    height: float
    tone: str
    opacity: float = 1.0
    hint: str = ""


@dataclass(frozen=True)
class Rule:
    """A straight line at a limit, or an error bar. x0, x1: percent of the chart's width; y0, y1: pixels."""

    x0: float
    x1: float
    y0: float
    y1: float
    tone: str
    width: float
    dash: str = ""


@dataclass
class Chart:
    """Everything that the SVG template draws for one panel. height: of the area with the curves, in pixels."""

    title: str
    description: str
    x_title: str
    height: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    has_vertical_grid: bool
    has_rows: bool
    curves: list[Curve] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    labels: list[tuple[float, str]] = field(default_factory=list)  # height in pixels and text of each row's label
