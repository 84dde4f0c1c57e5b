"""Data that are stored in a page are read unchanged."""

import pytest

from descend.core.page_data import read_page_data
from descend.lab.pages.page import write_figures_page
from descend.lab.pages.table import Table


def test_page_data_are_read_unchanged(tmp_path) -> None:
    held = {"values": [1 / 3, 1e-300, "nan"], "text": "</script><b>&"}
    page = tmp_path / "page.html"
    write_figures_page("Title", "Words.", "command", [Table("T", ("a",), [("b",)])], page, held)
    assert read_page_data(page) == held


@pytest.mark.parametrize("text", [None, "", "<html></html>", '<script type="application/json" id="kept">{</script>'])
def test_a_page_without_data_gives_no_data(text, tmp_path) -> None:
    page = tmp_path / "page.html"
    if text is not None:
        page.write_text(text)
    assert read_page_data(page) is None


def test_a_page_written_without_data_contains_no_data(tmp_path) -> None:
    write_figures_page("Title", "Words.", "command", [Table("T", ("a",), [("b",)])], tmp_path / "page.html")
    assert read_page_data(tmp_path / "page.html") is None
