"""Reading the charts of a page as Plotly figures."""

import html
import re

import pytest
from cases import trial_runs
from odd_cases import ALL

import descend
from descend.core.errors import UsageError
from descend.doctor.record import Series
from descend.doctor.report import write_page
from descend.doctor.report.figure import Figure, Panel, level, line
from descend.lab.pages.page import write_figures_page
from descend.lab.pages.table import Table


def test_a_chart_has_its_numbers_title_and_colours(tmp_path):
    shapes, _ = level(2.0, "bound")
    panel = Panel("α·λmax", (line(Series((0, 5), (0.5, float("nan"))), "cause", "α·λ"),), shapes=shapes)
    page = tmp_path / "page.html"
    write_figures_page("H", "s", "descend show", [Table("T", ("a",), [("1",)]), Figure((panel, panel), "c")], page)
    first, _ = descend.figures(page)
    assert first.layout.title.text == "α·λmax" and first.layout.xaxis.title.text == "optimizer step"
    assert first.data[0].x == (0, 5) and first.data[0].y == (0.5, None)
    assert first.data[0].line.color == "#b84a00" and first.layout.shapes[0].line.color == "#211f1b"


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_plotly_accepts_the_charts_of_every_report(name, tmp_path):
    case = ALL[name](tmp_path)
    page = tmp_path / "report.html"
    write_page(case, trial_runs(), page)
    charts = descend.figures(page)
    assert all(chart.data and chart.layout.title.text for chart in charts)
    titles = re.findall(r'<title id="figure-[^"]*">(.*?)</title>', page.read_text())
    drawn = [html.unescape(chart.layout.title.text).replace("% {", "%{") for chart in charts]  # Plotly reads markup
    assert list(map(html.unescape, titles)) == drawn


@pytest.mark.parametrize("shown", ["trajectories --surface beale --steps 5 --rules SGD,Adam", "schedule Cosine(100)"])
def test_charts_of_a_page_without_a_script_are_read(shown, tmp_path, descend_here):
    page = tmp_path / "page.html"
    command, *options = shown.split(" ")
    assert descend_here("lab", command, *options, "-o", str(page)).returncode == 0
    assert len(descend.figures(page)) >= 1


def test_a_file_that_is_not_a_page_is_refused(tmp_path):
    (tmp_path / "x.html").write_text("<p>")
    with pytest.raises(UsageError, match=r"x.html is not a page written by descend"):
        descend.figures(tmp_path / "x.html")
    with pytest.raises(UsageError, match="cannot be read"):
        descend.figures(str(tmp_path / "none.html"))
