"""Contours and lines of the loss, as data and in a real Chromium."""

import json
import math
import re

import pytest

from descend.core.grid import Grid
from descend.doctor.report.figure import Figure
from descend.lab.pages.contours import RunPath, contour_panel, lines_panel
from descend.lab.pages.page import write_figures_page

SQUARE = ((-1.0, 1.0), (-1.0, 1.0))
TRAIL = RunPath([(-0.8, 0.5), (-0.2, 0.1), (0.0, 0.0)], [0, 10, 20])


def filled(function, points: int = 300, ranges=SQUARE) -> Grid:
    grid = Grid(ranges)
    for place in grid.points_to_compute(points):
        grid.values[place] = function(*grid.position(place))
    return grid


def bowl(x: float, y: float = 0.0) -> float:
    return x * x + 3 * y * y + 0.5


def steep(x: float, y: float = 0.0) -> float:
    return math.nan if x > 0.9 else math.exp(9 * x + y)


def labels(panel) -> list[str]:
    return [key.label for key in panel.keys]


def test_contours_show_the_loss_and_the_path_of_the_run() -> None:
    panel = contour_panel("Cost", filled(bowl), ("first", "second"), TRAIL)
    (plot,) = Figure((panel,), "A bowl.").plots()
    contours, computed, _, line, ends = plot["data"]
    row, column = contours["y"].index(0.5), contours["x"].index(-0.25)
    assert contours["z"][row][column] == pytest.approx(0.0625 + 0.75 + 0.5, abs=1e-4)
    assert contours["zmin"] == 0.5 and contours["zmax"] == 4.5 and len(computed["x"]) == 300
    assert (line["x"], line["y"]) == ([-0.8, -0.2, 0.0], [0.5, 0.1, 0.0])
    assert (ends["x"], ends["text"]) == ([-0.8, 0.0], ["step 0", "step 20"])
    assert labels(panel) == ["computed points", "the run", "at step 0", "at step 20"]


def test_a_wide_range_is_drawn_logarithmically_with_original_values() -> None:
    panel = contour_panel("Cost", filled(steep), ("first", "second"))
    (plot,) = Figure((panel,), "").plots()
    contours, *_ = plot["data"]
    row, column = contours["y"].index(0.0), contours["x"].index(0.5)
    assert contours["z"][row][column] == pytest.approx(math.log10(math.exp(4.5)), abs=1e-4)
    assert contours["text"][row][column] == "90.02" and contours["z"][row][-1] is None
    assert contours["colorbar"]["ticktext"][0] == "1.0×10⁻⁴"
    assert re.fullmatch(r"infinite or NaN at \d+ of 300 points, which are left blank", labels(panel)[-1])


def test_a_few_large_values_are_capped_with_a_remark() -> None:
    panel = contour_panel("Cost", filled(lambda x, y: x + y - 1e9 * (x < -0.9) * (y + 1) * -1), ("a", "b"))
    assert any(text.startswith("values above") for text in labels(panel))
    contours = panel.traces[0]
    assert max(max(row) for row in contours["z"]) == pytest.approx(contours["zmax"], rel=1e-4)
    assert contours["zmax"] < 100


def test_lines_show_the_computed_losses() -> None:
    grids = {"one": filled(bowl, 65, SQUARE[:1]), "two": filled(steep, 65, SQUARE[:1])}
    panel = lines_panel("Cost", grids, "distance", {"the run's end": 0.0})
    (plot,) = Figure((panel,), "").plots()
    for k, function in enumerate((bowl, steep)):
        for trace, points in zip(plot["data"][2 * k : 2 * k + 2], (257, 65)):
            assert len(trace["x"]) == points and trace["x"] == sorted(trace["x"])
            known = [(x, y) for x, y in zip(trace["x"], trace["y"]) if y is not None]
            assert all(y == pytest.approx(function(x), rel=1e-2) for x, y in known) and len(known) > 0.9 * points
    assert plot["data"][3]["y"][-1] is None and panel.y["type"] == "log"
    assert labels(panel)[:4] == ["one", "two", "computed points", "the run's end, at 0"]


DRAWN = """() => [...document.querySelectorAll(".plot")].map((plot) => ({
  fills: plot.querySelectorAll(".contourfill path").length, paths: plot.querySelectorAll(".contourlevel").length,
  dots: plot.querySelectorAll(".scatterlayer .point").length,
  shades: [...new Set([...plot.querySelectorAll(".contourfill path")].map((path) => path.style.fill))] }))"""


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_drawn_offline_in_the_colour_scheme(scheme: str, chromium, tmp_path) -> None:
    panels = [contour_panel("Cost", filled(f), ("a", "b"), TRAIL) for f in (bowl, steep, lambda x, y: math.nan)]
    path = tmp_path / "surface.html"
    write_figures_page("Surface", "A bowl.", "descend lab surface", [Figure((p,), "A bowl.") for p in panels], path)
    context = chromium.new_context(offline=True, color_scheme=scheme)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_timeout(500)
    bowls, steeps, nothing = page.evaluate(DRAWN)
    context.close()
    assert not complaints
    assert bowls["fills"] > 8 and steeps["fills"] > 8 and bowls["dots"] == 300 + 3 + 2
    brightness = [sum(map(float, shade.strip("rgb()").split(",")[:3])) / 3 for shade in bowls["shades"]]
    assert max(brightness) > min(brightness) + 90 and (min(brightness) < 45) == (scheme == "dark")
    assert nothing["dots"] == 5


def test_panels_are_plain_json() -> None:
    for function in (bowl, steep, lambda x, y: math.inf):
        plots = Figure((contour_panel("Cost", filled(function), ("a", "b"), TRAIL),), "").plots()
        assert json.loads(json.dumps(plots, allow_nan=False)) == plots
