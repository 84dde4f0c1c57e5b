"""Static charts: where values are drawn, which ticks are labelled, and what a screen reader is given."""

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descend.doctor.record import Reading, Record, Series
from descend.doctor.report.document import Figures, template_environment
from descend.doctor.report.figure import Figure, Key, Panel, band_trace, level, line
from descend.doctor.report.learning_rate_figure import hold_values, learning_rate_panel, run_figure
from descend.doctor.report.svg_axis import make_axis, round_step
from descend.doctor.report.svg_chart import MOST_POINTS, limit_points, make_chart, make_charts

BARS = {"type": "bar", "x": [0.25, 1.0], "y": ["first", "second"], "name": "share", "marker": {"color": "cause"}}
ROWS = {"type": "category"}


def numbers_of(path: str) -> list[tuple[float, float]]:
    """Return the points of an SVG path."""
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([-\d.e]+) ([-\d.e]+)", path)]


def drawn(panel: Panel) -> str:
    """Return the HTML of a figure with one chart."""
    shown = Figures(is_static=True).add(Figure((panel,), "caption"))
    return template_environment().from_string('{% from "chart.html" import chart %}{{ chart(f) }}').render(f=shown)


def test_a_curve_is_drawn_from_corner_to_corner():
    panel = Panel("Loss", (line(Series((0, 10), (4.0, 2.0)), "cause", "loss"),), y={"range": [2.0, 4.0]}, height=150)
    chart = make_chart(panel, {"range": [0, 10]})
    assert chart.height == 100  # the height without the margins of 8 and 42 pixels
    assert numbers_of(chart.curves[0].path) == [(0, 0), (1000, 100)]


@pytest.mark.parametrize("settings", [{}, {"type": "log"}, {"rangemode": "tozero"}, {"tickformat": ".0%"}])
@pytest.mark.parametrize(
    "values",
    [[0.0, 5e-324], [5e-324, 1e-323], [-1e-320, 1e-320], [1e-308, 3e-308], [-1.7e308, 1.7e308], [0.0, 1.79e308]],
)
def test_an_axis_of_extreme_values_shows_each_of_them(values, settings):
    axis = make_axis(settings, values)
    assert all(-1e-9 <= share <= 1 + 1e-9 for share in map(axis.share, values) if share is not None)
    assert axis.share(values[1]) is not None and all(math.isfinite(tick.share) for tick in axis.ticks)


def test_a_logarithmic_axis_has_equal_distances_between_powers_of_ten():
    panel = Panel("Loss", (line(Series((0, 1, 2), (1.0, 10.0, 100.0)), "cause", "loss"),), y={"type": "log"})
    heights = [y for _, y in numbers_of(make_chart(panel, {"range": [0, 2]}).curves[0].path)]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2) and heights[2] < heights[0]


def test_open_circles_are_drawn_as_rings():
    point = {"type": "scatter", "mode": "markers", "x": [1.0], "y": [2.0], "name": "run"}
    traces = [{**point, "marker": {"size": 8, "color": "third", "symbol": each}} for each in ("circle", "circle-open")]
    page = drawn(Panel("Cost", tuple(traces)))
    assert page.count('fill="var(--third)"') == 1 and page.count('fill="none" stroke="var(--third)"') == 1


def test_a_curve_has_a_gap_where_a_value_is_missing():
    values = (1.0, 2.0, math.nan, 3.0, math.inf, 2.5, 2.0)
    panel = Panel("Loss", (line(Series(tuple(range(7)), values), "cause", "loss"),))
    path = make_chart(panel, {}).curves[0].path
    assert path.count("M") == 3 and path.count("L") == 2 and path.count("h1") == 1


def test_bars_begin_at_zero_and_have_a_row_each():
    chart = make_chart(Panel("Shares", (BARS,), y=ROWS, x={"range": [0, 1]}), {"range": [0, 1]})
    assert [(bar.x, bar.width) for bar in chart.bars] == [(0, 25), (0, 100)]
    assert [name for _, name in chart.labels] == ["first", "second"]
    assert chart.bars[0].y + chart.bars[0].height <= chart.bars[1].y


def test_negative_bars_end_at_zero():
    trace = {**BARS, "x": [-1.0, 1.0]}
    chart = make_chart(Panel("Loss", (trace,), y=ROWS), {"range": [-1, 1]})
    assert [(bar.x, bar.width) for bar in chart.bars] == [(0, 50), (50, 50)]


def test_a_limit_is_a_line_across_the_chart():
    shapes, keys = level(2.0, "limit")
    panel = Panel(
        "Loss", (line(Series((0, 1), (0.0, 4.0)), "cause", "loss"),), keys, shapes=shapes, y={"range": [0, 4]}
    )
    [rule] = make_chart(panel, {}).rules
    assert (rule.x0, rule.x1) == (0, 100) and rule.y0 == rule.y1 == 85 and rule.dash == "dash"


@settings(deadline=None)
@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.sampled_from(["", "tozero"]))
def test_ticks_are_on_the_axis_ascending_and_distinct(low, width, mode):
    axis = make_axis({"rangemode": mode}, [low, low + width])
    shares = [tick.share for tick in axis.ticks]
    assert shares == sorted(shares) and all(-1e-6 <= share <= 1 + 1e-6 for share in shares)
    assert 0 <= axis.share(low) <= axis.share(low + width) <= 1
    if width > 1e-4 * abs(low):
        labels = [tick.label for tick in axis.ticks]
        assert 1 <= len(labels) <= 8 and len(labels) == len(set(labels))


@settings(deadline=None)
@given(st.floats(1e-30, 1e30))
def test_the_distance_between_ticks_is_round_and_not_much_larger_than_needed(least):
    step = round_step(least)
    mantissa = step / 10.0 ** math.floor(math.log10(step) + 1e-9)
    assert least * (1 - 1e-6) <= step <= 2.51 * least
    assert min(abs(mantissa - m) for m in (1, 2, 2.5, 5, 10)) < 1e-6


@pytest.mark.parametrize(
    ("settings", "values", "labels"),
    [
        ({}, [0.0, 1.0], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ({}, [0.1, 0.101], ["0.1000", "0.1002", "0.1004", "0.1006", "0.1008", "0.1010"]),
        (
            {"range": [0, 1.02], "tickformat": ".0%"},
            [],
            ["0\u00a0%", "20\u00a0%", "40\u00a0%", "60\u00a0%", "80\u00a0%", "100\u00a0%"],
        ),
        ({}, [0.9e6, 1.1e6], ["9×10⁵", "9.5×10⁵", "1×10⁶", "1.05×10⁶", "1.1×10⁶"]),
        ({}, [0.0, 1e-9], ["0", "2×10⁻¹⁰", "4×10⁻¹⁰", "6×10⁻¹⁰", "8×10⁻¹⁰", "1×10⁻⁹"]),
        ({"type": "log"}, [0.01, 100.0], ["10⁻²", "10⁻¹", "1", "10", "10²"]),
        ({"tickvals": [1, 2], "ticktext": ["a", "b"]}, [0.0, 3.0], ["a", "b"]),
        ({"showticklabels": False}, [0.0, 3.0], []),
    ],
)
def test_ticks_have_as_many_decimals_as_they_need(settings, values, labels):
    assert [tick.label for tick in make_axis(settings, values).ticks] == labels


def test_a_chart_has_a_name_and_a_text_for_screen_readers():
    shapes, keys = level(0.5, "limit")
    traces = (line(Series((0, 10, 20), (3.0, 1.0, 0.5)), "cause", "loss <b>"),)
    html = drawn(Panel("Training loss", traces, keys, shapes=shapes))
    name, text = re.search(r'aria-labelledby="(\S+) (\S+)"', html).groups()
    assert f'<title id="{name}">Training loss</title>' in html and 'role="img"' in html
    assert f'<desc id="{text}">loss &lt;b&gt;: 3 at step 0, 0.5 at step 20. limit 0.5</desc>' in html
    assert "<b>Figure 1.</b> caption" in html and "<script" not in html


def test_bars_are_described_with_their_values():
    panel = Panel("Shares", (BARS,), y=ROWS)
    assert make_chart(panel, {}).description == "share: first 0.25, second 1"


def test_a_band_is_filled_and_not_described():
    low, high = Series((0, 1), (1.0, 1.0)), Series((0, 1), (2.0, 3.0))
    chart = make_chart(Panel("Loss", (band_trace(low, high, "cause"),)), {})
    assert chart.curves[0].is_filled and chart.description == ""


def test_long_curves_are_downsampled_together_and_keep_their_extremes():
    values = [1.0] * 5000
    values[1234] = 99.0
    traces = tuple(line(Series(tuple(range(5000)), tuple(values)), "cause", str(i)) for i in range(20))
    [panel] = limit_points(Figure((Panel("Loss", traces),), "")).panels
    assert sum(len(trace["x"]) for trace in panel.traces) <= MOST_POINTS
    assert all(99.0 in trace["y"] for trace in panel.traces)


def test_charts_of_a_figure_share_the_range_of_steps():
    short, long = (Panel("a", (line(Series((0, end), (1.0, 2.0)), "cause", "a"),)) for end in (10, 100))
    above, below = make_charts(Figure((short, long), ""))
    assert above.x_ticks == below.x_ticks and numbers_of(above.curves[0].path)[1][0] < 150


def learning_rates(*points: tuple[int, float]) -> Record:
    """Return a record of 300 steps in which the learning rate was recorded at these steps."""
    record = Record(script="train.py")
    for step, rate in points:
        record.add(Reading("learning_rate", "0", step, rate))
    record.add(Reading("loss", "0", 299, 1.0))
    return record


def test_a_constant_learning_rate_is_a_line_over_all_steps():
    record = learning_rates((0, 0.5))
    panel = learning_rate_panel(record)
    assert panel.traces[0]["x"] == [0, record.steps - 1] and panel.traces[0]["y"] == [0.5, 0.5]
    assert Key("constant: 0.5", "ink", "mark") in panel.keys
    assert len(numbers_of(make_charts(run_figure(record, with_loss=False))[0].curves[0].path)) == 2


def test_a_learning_rate_is_held_until_it_changes():
    held = hold_values(Series((0, 100, 101), (0.5, 0.05, 0.01)), 300)
    assert list(held) == [(0, 0.5), (99, 0.5), (100, 0.05), (101, 0.01), (299, 0.01)]


def test_the_run_figure_has_the_loss_only_if_no_finding_shows_it():
    record = learning_rates((0, 0.5))
    titles = [[panel.title for panel in run_figure(record, with_loss=loss).panels] for loss in (True, False)]
    assert titles == [["Training loss", "Learning rate"], ["Learning rate"]]
    assert run_figure(Record(script="train.py"), with_loss=True) is None
    assert isinstance(limit_points(run_figure(record, with_loss=True)), Figure)
