"""The snapshot lists every sentence that the program can print, and no sentence uses internal terms."""

import ast
import functools
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))
written = __import__("sentences")
page = functools.cache(written.page)

INSIDE = re.compile(r"\b(tapes?|taped|exams?|arms?|choose_values[sd]?|canon|NotApplicable)\b(?!\w|['\[(])")


def found(code: str, *printed: type[ast.AST]) -> list[str]:
    return list(written.sentences(ast.parse(code), printed))


@pytest.mark.slow
def test_the_page_is_what_the_source_says():
    assert written.PAGE.read_text() == page(), "make tables"


def test_a_sentence_is_a_text_with_words():
    assert found('raise UsageError(f"no run {run:02d} in {self.where}")') == ["no run {run} in {self.where}"]
    assert found('x = ("one half "\n "and another", "lr", "a_b c_d".split())') == ["one half and another"]
    assert found("x = f\"{count(2, 'more step')} to go\"") == ["{count(2, 'more step')} to go", "more step"]
    assert found('x = "SELECT a FROM runs WHERE b"; y = "<div class=a b>"') == []


def test_a_docstring_counts_where_it_is_printed():
    code = '"""Of a module."""\ndef f():\n    """Of a function."""\n'
    assert found(code) == [] and found(code, ast.FunctionDef) == ["Of a function."]
    assert found(code, ast.Module) == ["Of a module."]


@pytest.mark.slow
def test_what_must_be_there_is_there():
    for sentence in (
        "took no optimizer step in {cut.seconds} s",
        "Draw learning-rate schedules, optimizer trajectories, activations, gradients by depth, curvature",
        "Could not be checked",
        "Dead units: ReLU units are inactive on every example",
        "No problem found",
    ):
        assert sentence in page(), sentence
    assert page().count("\n- ") > 1000


@pytest.mark.slow
def test_no_sentence_uses_an_internal_term():
    for line in page().splitlines():
        said = re.sub(r"{[^{}]*}|`[^`]*`", "", line)
        assert line.startswith(("#", "All sentences")) or not INSIDE.search(said), line
