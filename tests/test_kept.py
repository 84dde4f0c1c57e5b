"""What a page holds is read back as it was."""

import pytest

from descend.doctor.report.document import write_pictures
from descend.doctor.report.table import Table
from descend.ground.kept import kept_in


def test_it_is_read_back_as_it_was(tmp_path) -> None:
    held = {"values": [1 / 3, 1e-300, "nan"], "text": "</script><b>&"}
    page = tmp_path / "page.html"
    write_pictures("Title", "Words.", "command", [Table("T", ("a",), [("b",)])], page, held)
    assert kept_in(page) == held


@pytest.mark.parametrize("text", [None, "", "<html></html>", '<script type="application/json" id="kept">{</script>'])
def test_where_nothing_is_held_nothing_is_read(text, tmp_path) -> None:
    page = tmp_path / "page.html"
    if text is not None:
        page.write_text(text)
    assert kept_in(page) is None


def test_a_page_that_was_not_asked_to_holds_nothing(tmp_path) -> None:
    write_pictures("Title", "Words.", "command", [Table("T", ("a",), [("b",)])], tmp_path / "page.html")
    assert kept_in(tmp_path / "page.html") is None
