"""`descend explain` lists all problems, explains one and suggests ids."""

import re
import subprocess
import sys

import pytest

from descend.doctor.catalog import CATALOG
from descend.doctor.commands.completion import complete_problem_id
from descend.doctor.commands.explanation import explanation, problem_list
from descend.doctor.symptoms.groups import GROUPS


def test_each_problem_is_in_exactly_one_group():
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(CATALOG)


def test_without_an_id_all_problems_are_listed_with_their_titles(descend_here):
    done = descend_here("explain")
    assert done.returncode == 0 and all(group in done.stdout for group in GROUPS)
    rows = dict(re.findall(r"^  (\w+)  +(\S.*)$", done.stdout, re.MULTILINE))
    assert rows.keys() == CATALOG.keys() and rows["no_zero_grad"] == CATALOG["no_zero_grad"].title


@pytest.mark.parametrize(
    ("command", "given", "suggested"),
    [
        (["explain"], "dead_unit", "did you mean dead_units?"),
        (["explain"], "Dead-Units", "did you mean dead_units?"),
        (["explain"], "zero_grad", "did you mean no_zero_grad?"),
        (["doctor", "--select"], "overfiting", "did you mean overfitting?"),
        (["watch", "--ignore"], "cliffs", "did you mean cliff?"),
    ],
)
def test_a_similar_id_is_suggested(descend_here, tmp_path, command, given, suggested):
    (tmp_path / "train.py").write_text("")
    done = descend_here(*command, given, *(["train.py"] if command != ["explain"] else []))
    assert done.returncode == 2 and f"no problem has the id {given}; {suggested} descend explain lists" in done.stderr


def test_without_a_similar_id_none_is_suggested(descend_here):
    assert descend_here("explain", "xyzzy").stderr == (
        "descend: no problem has the id xyzzy; descend explain lists all ids\n"
    )


@pytest.mark.parametrize("columns", [40, 80, 120, 300])
def test_the_texts_are_wrapped_at_the_width_of_the_terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    for text in (problem_list(), *map(explanation, CATALOG)):
        prose = text.partition("\nFaulty code\n")[0]
        # A word that is longer than the line, such as an id in the list, is the only reason for a longer line.
        assert all(len(line) <= min(columns, 120) or columns == 40 for line in prose.splitlines())
        assert max(map(len, prose.splitlines())) > min(columns, 120) / 2


def test_remedies_are_explained_by_their_labels(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert (
        "\n  Clear the gradients after each step [zero_grad]\n      Each step then follows the current gradient only\n"
    ) in explanation("no_zero_grad")
    instability = explanation("instability")
    assert "\n  Learning rate <old> → <lr> [learning_rate]\n" in instability
    assert "The words in <angle brackets> depend on the run." in instability
    for name, problem in CATALOG.items():
        text = " ".join(explanation(name).split())
        for entry in problem.remedies:
            assert entry.general_label[1:] in text and f"[{entry.name}]" in text, entry
            assert "{" not in entry.general_label


def test_descend_is_the_subject_of_the_detection():
    assert all("\nHow it is detected\n  descend reports " in explanation(name) for name in CATALOG)


def test_the_shell_completes_ids():
    assert dict(complete_problem_id("no_")).keys() == {name for name in CATALOG if name.startswith("no_")}
    assert dict(complete_problem_id("")).keys() == CATALOG.keys()
    assert complete_problem_id("xyzzy") == []


def test_completion_imports_neither_torch_nor_the_catalog():
    program = (
        "import sys; sys.argv = ['descend', '--version']\n"
        "from descend.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "from descend.doctor.commands.completion import complete_problem_id; complete_problem_id('no')\n"
        "print([name for name in ('torch', 'numpy', 'libcst', 'descend.doctor.catalog') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
