"""The summary of a case that a notebook shows."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from cases import inputs_not_normalised
from endings import failed_script
from odd_cases import ALL, hostile

from descend.doctor.report.summary import render_summary

ALLOWED = {"div", "p", "strong", "br", "code", "pre", "span"}
LARGEST = 20_000  # characters


class Tags(HTMLParser):
    """Collects the elements of a page, and checks that each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", ALL)
def test_every_summary_is_short_and_has_plain_elements_only(name, tmp_path):
    html = render_summary(ALL[name](tmp_path), None, store=".descend")
    tags = Tags()
    tags.feed(html)
    tags.close()
    assert tags.seen <= ALLOWED and not tags.open and len(html) < LARGEST


def test_the_summary_has_verdict_problem_patch_and_report(tmp_path):
    case = inputs_not_normalised(tmp_path)
    html = render_summary(case, tmp_path / "report.html", store=".descend")
    assert "Inputs are not normalised" in html and "[inputs_not_normalised]" in html and "train.py:7" in html
    assert "+inputs = (inputs - inputs.mean(0))" in html and "descend apply 7" in html
    assert str(tmp_path / "report.html") in html


def test_without_a_file_the_patch_is_shown_and_no_command_applies_it(tmp_path):
    html = render_summary(replace(inputs_not_normalised(tmp_path), streamed=True), None, store=".descend")
    assert "+inputs = (inputs - inputs.mean(0))" in html and "descend apply" not in html and "+++" not in html


def test_a_failed_script_shows_its_error(tmp_path):
    case = failed_script(tmp_path)
    assert case.record.ending.error.splitlines()[-1].split(":")[0] in render_summary(case, None, store=".descend")


def test_hostile_texts_are_escaped(tmp_path):
    html = render_summary(hostile(tmp_path), None, store=".descend")
    assert "<script" not in html.lower() and "\x1b" not in html
