"""What is made of the surface that a run has measured: the picture, the words, the table, and what a page keeps."""

import math
from typing import Any

import pytest

from descend.grid import Grid
from descend.record import Ending, Fact, Record
from descend.report.surface_picture import kept, remarks, surface_pictures

RANDOM = [{"kind": "random", "number": 1}, {"kind": "random", "number": 2}]
EIGEN = [
    {"kind": "eigenvector", "value": 12.5, "residual": 0.0},
    {"kind": "eigenvector", "value": -0.25, "residual": 0},
]
PATH = [{"kind": "principal", "number": 1, "share": 0.75}, {"kind": "principal", "number": 2, "share": 0.125}]
TRAIL = {"steps": [0, 5, 9], "positions": [[-0.5, 0.5], [0.1, 0.2], [0.0, 0.0]], "held": 0.03125}


def measured(directions: str, *views: dict[str, Any], points: int = 100, ending: str = "finished") -> Record:
    """The record of views, each with its axes; the cost is 1 + x² + 2y², no number beyond x = 0.9."""
    record = Record(script="train.py")
    detail = {
        "loss": 1.0,
        "examples": 256,
        "directions": directions,
        "points": points,
        "evaluation": False,
        "draws": True,
    }
    record.add(Fact("point", "last", 40, detail))
    for number, view in enumerate(views):
        ranges = [(-1.0, 1.0)] * len(view["axes"])
        grid = Grid(tuple(ranges))
        for place in grid.wanted(view.pop("computed", points)):
            x, y = (*grid.position(place), 0.0)[:2]
            grid.values[place] = math.nan if x > 0.9 else 1 + x * x + 2 * y * y
        known = {"ranges": ranges, "of": [0.5], "reused": 0, "is_begun_anew": False, "trail": {}, **view}
        record.add(Fact("view", str(number), 40, known))
        pairs = list(grid.values.items())
        for part in (pairs[:30], pairs[30:]):
            values = [value if math.isfinite(value) else str(value) for _, value in part]
            record.add(Fact("values", str(number), 40, {"places": [list(p) for p, _ in part], "values": values}))
    record.add(Ending(ending, 0, 40))
    return record


def test_random_directions_say_what_they_are_and_how_little_of_the_run_they_hold() -> None:
    figure, table = surface_pictures(measured("random", {"axes": RANDOM, "trail": TRAIL}))
    (panel,) = figure.panels
    assert panel.title == "Cost around the last weights"
    assert panel.x_title == "first random direction, in lengths of the filters"
    assert "each filter of every layer has moved by its own length" in figure.caption
    assert "in training mode with the same draws at every place" in figure.caption
    assert "from step 0 to 9" in figure.caption and "holds 3.1\u00a0% of its squared distances" in figure.caption
    assert table.rows == [("random directions", "100", "1", "1", "0, 0", "4")]
    assert any("infinite or no number" in key.label for key in panel.keys)


def test_the_paths_plane_says_how_much_it_holds_and_what_chance_would() -> None:
    figure, table = surface_pictures(measured("path", {"axes": PATH, "trail": TRAIL, "by_chance": 0.9}))
    assert figure.panels[0].y["title"]["text"] == "distance along the second principal direction: 12\u00a0% of the path"
    assert "holds 87.5\u00a0% of the squared distances" in figure.caption and "hold 90.0\u00a0%" in figure.caption
    assert table.rows[0][0] == "the path's plane"


def test_eigenvectors_are_named_by_their_eigenvalues() -> None:
    figure, table = surface_pictures(measured("eigenvectors", {"axes": EIGEN}))
    assert figure.panels[0].x_title == "distance along an eigenvector of the Hessian, λ = 12.5"
    assert table.rows[0][0] == "λ = 12.5, −0.25"
    lines, table = surface_pictures(measured("eigenvectors", {"axes": EIGEN[:1]}, {"axes": EIGEN[1:]}))
    assert [panel.x_title.partition(", ")[2] for panel in lines.panels] == ["λ = 12.5", "λ = −0.25"]
    assert [row[0] for row in table.rows] == ["λ = 12.5", "λ = −0.25"]


def test_random_lines_share_one_panel_and_the_chord_marks_both_ends() -> None:
    figure, _ = surface_pictures(measured("random", {"axes": RANDOM[:1]}, {"axes": RANDOM[1:]}))
    assert len(figure.panels) == 1 and len(figure.panels[0].traces) == 4
    marks = {"the first weights": -0.5, "the last weights": 0.5}
    figure, table = surface_pictures(measured("path", {"axes": [{"kind": "chord", "ends": [*marks]}], "marks": marks}))
    assert figure.panels[0].title == "Cost from the first weights to the last weights"
    assert figure.panels[0].x_title == "distance from the first weights, straight to the last weights"
    assert [shape["x0"] for shape in figure.panels[0].shapes] == [-0.5, 0.5]
    assert table.rows[0][0] == "the first weights to the last weights"


def test_what_a_page_keeps_is_every_value_in_its_place() -> None:
    record = measured("random", {"axes": RANDOM})
    (view,) = kept(record)["views"]
    assert len(view["places"]) == len(view["values"]) == 100 and view["of"] == [0.5]
    assert "nan" in view["values"] and 1.0 in view["values"]


@pytest.mark.parametrize(
    ("view", "ending", "says"),
    [
        ({"computed": 100}, "finished", []),
        ({"computed": 100}, "interrupted", []),
        ({"computed": 60}, "interrupted", ["60 of 100 values are there; the same command goes on from them"]),
        ({"reused": 40}, "finished", ["40 values of the earlier run were used again"]),
        (
            {"is_begun_anew": True},
            "finished",
            ["the page of the earlier run was of other weights, directions or examples: begun anew"],
        ),
    ],
)
def test_what_is_said_of_earlier_and_missing_values(view, ending, says) -> None:
    assert remarks(measured("random", {"axes": RANDOM, **view}, ending=ending)) == says


def test_of_nothing_there_is_nothing_to_show() -> None:
    assert surface_pictures(Record()) == []
    assert surface_pictures(measured("random", {"axes": RANDOM, "computed": 0})) == []


def test_where_nothing_is_finite_the_table_says_no_value() -> None:
    record = Record()
    detail = {"loss": "inf", "examples": 1, "directions": "random", "points": 1, "evaluation": True, "draws": False}
    record.add(Fact("point", "last", 0, detail))
    known = {"ranges": [(-1, 1)] * 2, "of": [], "reused": 0, "is_begun_anew": False, "trail": {}, "axes": RANDOM}
    record.add(Fact("view", "0", 0, known))
    record.add(Fact("values", "0", 0, {"places": [[64, 64]], "values": ["inf"]}))
    figure, table = surface_pictures(record)
    assert "in evaluation mode" in figure.caption
    assert table.rows == [("random directions", "1", "∞", "", "", "")]
