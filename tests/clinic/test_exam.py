"""The exam on broken contracts: its programs, and what it reads from a tool."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "clinic"))
exam = __import__("exam")
sample = __import__("contracts.sample", fromlist=["candidates"])

TOOL = """
import json, sys
text = open(sys.argv[1]).read()
lines = text.splitlines()
patch = "--- train.py\\n+++ train.py\\n@@ -1 +1 @@\\n-" + lines[0] + "\\n+x = 2\\n"
print(json.dumps({"findings": [{"name": "one", "line": len(lines), "says": ""}], "patch": patch}))
"""


@pytest.fixture
def tool(monkeypatch, tmp_path):
    """Return a function that makes a tool of the given source the only one."""

    def make(source: str) -> str:
        (tmp_path / "tool.py").write_text(source)
        monkeypatch.setattr(exam, "TOOLS", tmp_path)
        return "tool"

    return make


def test_the_answer_of_a_tool_is_read_and_its_patch_applied(tool):
    answer, patched = exam.answer_of(tool(TOOL), "x = 1\ny = x\n", "train")
    assert answer["findings"] == [{"name": "one", "line": 2, "says": ""}] and answer["seconds"] >= 0
    assert patched == "x = 2\ny = x\n"


@pytest.mark.parametrize(
    ("source", "trouble"), [("raise SystemExit('no network')", "no network"), ("print('text')", "no output")]
)
def test_a_tool_without_an_answer_is_recorded(tool, source, trouble):
    answer, patched = exam.answer_of(tool(source), "x = 1\n", "train")
    assert (answer, patched) == ({"findings": [], "trouble": trouble}, None)


def test_each_half_has_its_own_working_programs():
    halves = [set(exam.working(half)) for half in sample.HALVES]
    assert halves[0].isdisjoint(halves[1]) and len(halves[0] | halves[1]) >= 50


@pytest.mark.slow
def test_the_candidates_of_an_operator_have_different_hosts():
    found = list(sample.candidates("visible"))
    by_operator: dict[str, list[str]] = {}
    for subject in found:
        by_operator.setdefault(subject.mutants[0].operator.name, []).append(subject.mutants[0].host.name)
    assert len(by_operator) >= 28 and all(len(set(hosts)) == len(hosts) <= 3 for hosts in by_operator.values())


def test_the_table_counts_names_lines_and_what_was_restored():
    found = {"findings": [{"name": "a", "line": 3}], "lines": [3, 4], "given_back": 0.6}
    missed = {"findings": [], "lines": [3]}
    rows = {
        "host/axes/one/0": found,
        "host/axes/two/0": {**found, "lines": [5], "given_back": 0.9},
        "host/work/one/0": missed,
        "working/x": missed,
    }
    lines = exam.table(rows, {"axes/one": ["a"]}).splitlines()
    cells = {
        line.split(" | ")[0].strip("| "): [cell.split()[0] for cell in line.split(" | ")[1:]] for line in lines[2:-2]
    }
    assert cells["axes"] == ["2", "50%", "50%", "100%", "50%"]
    assert cells["work"] == ["1", "0%", "0%", "0%", "0%"] and cells["all"][:2] == ["3", "33%"]
    assert cells["pairs"] == ["0", "–", "–", "–", "–"] and lines[-1].startswith("Working programs accused: 0%")
