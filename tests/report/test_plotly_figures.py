"""A page's charts as Plotly's figures."""

import html
import re

import pytest
from cases import trial_runs
from odd_cases import ALL

import descend
from descend.doctor.record import Series
from descend.doctor.report import write_page
from descend.doctor.report.document import write_pictures
from descend.doctor.report.figure import Figure, Panel, level, line
from descend.doctor.report.table import Table
from descend.ground.errors import UsageError


def test_numbers_title_and_colours(tmp_path):
    shapes, _ = level(2.0, "bound")
    panel = Panel("α·λmax", (line(Series((0, 5), (0.5, float("nan"))), "cause", "α·λ"),), shapes=shapes)
    page = tmp_path / "page.html"
    write_pictures("H", "s", "descend show", [Table("T", ("a",), [("1",)]), Figure((panel, panel), "c")], page)
    first, _ = descend.figures(page)
    assert first.layout.title.text == "α·λmax" and first.layout.xaxis.title.text == "optimizer step"
    assert first.data[0].x == (0, 5) and first.data[0].y == (0.5, None)
    assert first.data[0].line.color == "#b84a00" and first.layout.shapes[0].line.color == "#211f1b"


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_every_reports_charts_are_valid_to_plotly(name, tmp_path):
    case = ALL[name](tmp_path)
    page = tmp_path / "report.html"
    write_page(case, trial_runs(), page)
    charts = descend.figures(page)
    assert all(chart.data and chart.layout.title.text for chart in charts)
    titles = re.findall(r'class="plot"[^>]*aria-label="([^"]*)"', page.read_text())
    assert list(map(html.unescape, titles)) == [chart.layout.title.text for chart in charts]


@pytest.mark.parametrize("shown", ["trajectories --surface beale --steps 5 --rules SGD,Adam", "schedule Cosine(100)"])
def test_what_is_shown_without_a_script(shown, tmp_path, descend_here):
    page = tmp_path / "page.html"
    command, *options = shown.split(" ")
    assert descend_here("show", command, *options, "-o", str(page)).returncode == 0
    assert len(descend.figures(page)) >= 1


def test_another_file_is_refused(tmp_path):
    (tmp_path / "x.html").write_text("<p>")
    with pytest.raises(UsageError, match=r"x.html is no page that descend has written"):
        descend.figures(tmp_path / "x.html")
    with pytest.raises(UsageError, match="cannot be read"):
        descend.figures(str(tmp_path / "none.html"))
