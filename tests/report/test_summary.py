"""The summary of a case that a notebook shows."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from cases import altered, inputs_not_normalised, write_script
from endings import failed_script
from odd_cases import ALL, hostile

from descend.doctor.remedies import Prescription
from descend.doctor.report.summary import render_summary
from descend.doctor.script.plan import Plan
from descend.doctor.trials.candidate import Candidate
from descend.doctor.trials.proof import UntriedRemedy
from descend.doctor.trials.study import Study

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


@pytest.mark.parametrize("limit", ["quick", "budget"])
def test_a_remedy_that_was_not_tried_is_shown_as_such(tmp_path, limit):
    case = inputs_not_normalised(tmp_path)
    fix = case.fix
    untried = (UntriedRemedy(fix.remedies, fix.label, fix.symptoms, fix.patch),)
    html = render_summary(altered(case, fix=None, trials=(), limit=limit, untried=untried), None, store=".descend")
    assert "1 remedy: standardise inputs" in html and "Not tried, so its effect is unknown: standardise inputs" in html
    assert "+inputs = (inputs - inputs.mean(0))" in html and "proved fix" not in html and "descend apply" not in html


def test_the_representation_of_a_case_is_one_short_line(tmp_path):
    case = inputs_not_normalised(tmp_path)
    shown = "findings: inputs_not_normalised, instability; fix: standardise inputs; trials: 4"
    assert repr(case) == f"<Case of run 7: findings; {shown}>"
    assert len(repr(case.record)) < 1000 and "train.py" in repr(case.record)


def test_the_representation_of_each_part_of_a_proof_is_one_short_line(tmp_path):
    case = inputs_not_normalised(tmp_path)
    fix, script = case.fix, write_script(tmp_path)
    assert repr(fix) == "<Trial 'standardise inputs': proved; cost 2.3 → 0.083; seeds: 5>"
    candidate = Candidate(Prescription("inputs_not_normalised", (), "standardise inputs"), fix.script, case.record)
    for part in (fix, case.proof, candidate, Study(script, case.record, Plan(), None), fix.script):
        assert len(repr(part)) < 300 and "\n" not in repr(part) and "import torch" not in repr(part)


def test_a_failed_script_shows_its_error(tmp_path):
    case = failed_script(tmp_path)
    assert case.record.ending.error.splitlines()[-1].split(":")[0] in render_summary(case, None, store=".descend")


def test_hostile_texts_are_escaped(tmp_path):
    html = render_summary(hostile(tmp_path), None, store=".descend")
    assert "<script" not in html.lower() and "\x1b" not in html
