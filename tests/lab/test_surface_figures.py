"""The figure, the caption, the table and the stored data of a loss surface."""

import math
from dataclasses import replace
from typing import Any

import pytest

from descend.core.grid import Grid
from descend.doctor.record import Ending, Fact, Record, facts
from descend.lab.pages.surface_figures import stored_values, surface_figures, surface_remarks

RANDOM = (facts.Axis("random", 1), facts.Axis("random", 2))
EIGEN = (facts.Axis("eigenvector", value=12.5, residual=0.0), facts.Axis("eigenvector", value=-0.25, residual=0.0))
PATH = (facts.Axis("principal", 1, share=0.75), facts.Axis("principal", 2, share=0.125))
TRAIL = facts.Trail((0, 5, 9), ((-0.5, 0.5), (0.1, 0.2), (0.0, 0.0)), held=0.03125)
POINT = facts.SurfacePoint(
    parameters=30, examples=256, batches=2, loss=1.0, evaluation=False, draws=True, directions="random", points=100
)


def view(axes: tuple[facts.Axis, ...], **known: Any) -> facts.SurfaceView:
    """Return a view from -1 to 1 along each axis."""
    made = facts.SurfaceView(
        ranges=((-1.0, 1.0),) * len(axes), axes=axes, of=(0.5,), reused=0, is_begun_anew=False, trail=facts.Trail()
    )
    return replace(made, **known)


def measured(directions: str, *views: facts.SurfaceView, computed: int = 100, ending: str = "finished") -> Record:
    """Return a record with views of the loss 1 + x² + 2y², which is NaN for x > 0.9."""
    record = Record(script="train.py")
    record.add(Fact.of(replace(POINT, directions=directions), 40, "last"))
    for number, each in enumerate(views):
        grid = Grid(each.ranges)
        for place in grid.points_to_compute(computed):
            x, y = (*grid.position(place), 0.0)[:2]
            grid.values[place] = math.nan if x > 0.9 else 1 + x * x + 2 * y * y
        record.add(Fact.of(each, 40, str(number)))
        pairs = list(grid.values.items())
        for part in (pairs[:30], pairs[30:]):
            values = tuple(value if math.isfinite(value) else str(value) for _, value in part)
            record.add(Fact.of(facts.SurfaceValues(tuple(p for p, _ in part), values), 40, str(number)))
    record.add(Ending(ending, 0, 40))
    return record


def test_random_directions_report_the_share_of_the_path_in_their_plane() -> None:
    figure, table = surface_figures(measured("random", view(RANDOM, trail=TRAIL)))
    (panel,) = figure.panels
    assert panel.title == "Loss around the last weights"
    assert panel.x_title == "first random direction, in filter norms"
    assert "each filter of a layer has changed by its own norm" in figure.caption
    assert "in training mode with the same random numbers at every point" in figure.caption
    assert "from step 0 to 9" in figure.caption and "keeps 3.1\u00a0% of the sum of squared distances" in figure.caption
    assert table.rows == [("random directions", "100", "1", "1", "0, 0", "4")]
    assert any("infinite or NaN" in key.label for key in panel.keys)


def test_the_plane_of_the_path_reports_its_share_and_that_of_a_random_walk() -> None:
    figure, table = surface_figures(measured("path", view(PATH, trail=TRAIL, by_chance=0.9)))
    assert (
        figure.panels[0].y["title"]["text"]
        == "distance along the second principal direction (12\u00a0% of the path's squared distances)"
    )
    assert "explain 87.5\u00a0% of the squared distances" in figure.caption and "with 90.0\u00a0%" in figure.caption
    assert table.rows[0][0] == "plane of the path"


def test_eigenvectors_are_named_by_their_eigenvalues() -> None:
    figure, table = surface_figures(measured("eigenvectors", view(EIGEN)))
    assert figure.panels[0].x_title == "distance along an eigenvector of the Hessian, λ = 12.5"
    assert table.rows[0][0] == "λ = 12.5, −0.25"
    lines, table = surface_figures(measured("eigenvectors", view(EIGEN[:1]), view(EIGEN[1:])))
    assert [panel.x_title.partition(", ")[2] for panel in lines.panels] == ["λ = 12.5", "λ = −0.25"]
    assert [row[0] for row in table.rows] == ["λ = 12.5", "λ = −0.25"]


def test_random_lines_share_a_panel_and_a_chord_has_marked_ends() -> None:
    figure, _ = surface_figures(measured("random", view(RANDOM[:1]), view(RANDOM[1:])))
    assert len(figure.panels) == 1 and len(figure.panels[0].traces) == 4
    marks = {"the first weights": -0.5, "the last weights": 0.5}
    figure, table = surface_figures(measured("path", view((facts.Axis("chord", ends=(*marks,)),), marks=marks)))
    assert figure.panels[0].title == "Loss from the first weights to the last weights"
    assert figure.panels[0].x_title == "distance on the line from the first weights to the last weights"
    assert [shape["x0"] for shape in figure.panels[0].shapes] == [-0.5, 0.5]
    assert table.rows[0][0] == "the first weights to the last weights"


def test_the_page_stores_every_value_with_its_point() -> None:
    record = measured("random", view(RANDOM))
    (left,) = stored_values(record)["views"]
    assert len(left["places"]) == len(left["values"]) == 100 and left["of"] == (0.5,)
    assert "nan" in left["values"] and 1.0 in left["values"]


@pytest.mark.parametrize(
    ("known", "computed", "ending", "says"),
    [
        ({}, 100, "finished", []),
        ({}, 100, "interrupted", []),
        ({}, 60, "interrupted", ["60 of 100 values were computed; run the same command again to continue"]),
        ({"reused": 40}, 100, "finished", ["40 values of the earlier run were reused"]),
        (
            {"is_begun_anew": True},
            100,
            "finished",
            ["the earlier page is for other weights, directions or examples, so its values were not reused"],
        ),
    ],
)
def test_reused_and_missing_values_are_reported(known, computed, ending, says) -> None:
    assert surface_remarks(measured("random", view(RANDOM, **known), computed=computed, ending=ending)) == says


def test_an_empty_record_has_no_figures() -> None:
    assert surface_figures(Record()) == []
    assert surface_figures(measured("random", view(RANDOM), computed=0)) == []


def test_without_finite_values_the_table_has_no_extremes() -> None:
    record = Record()
    point = replace(POINT, loss="inf", examples=1, points=1, evaluation=True, draws=False)
    record.add(Fact.of(point, 0, "last"))
    record.add(Fact.of(view(RANDOM, of=()), 0, "0"))
    record.add(Fact.of(facts.SurfaceValues(((64, 64),), ("inf",)), 0, "0"))
    figure, table = surface_figures(record)
    assert "in evaluation mode" in figure.caption
    assert table.rows == [("random directions", "1", "∞", "", "", "")]
