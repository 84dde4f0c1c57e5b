"""What we say of a run keeps its meaning: of reports and documents without secrets nothing is masked."""

import inspect
import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "report"))

import cases  # noqa: E402
import endings  # noqa: E402
import odd_cases  # noqa: E402

from descend.redaction import HIDDEN, Redactor  # noqa: E402
from descend.report import render_console, render_json, render_page  # noqa: E402

CASES = [
    case
    for module in (cases, odd_cases, endings)
    for name, case in inspect.getmembers(module, inspect.isfunction)
    if case.__module__ == module.__name__ and list(inspect.signature(case).parameters)[:1] == ["root"]
    if name not in ("write_script", "record_of") and not name.endswith("_symptom")
]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "clinic").rglob("*.md"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_nothing_of_a_report_is_masked(case, tmp_path):
    made = case(tmp_path)
    screen = io.StringIO()
    Console(file=screen, width=100).print(render_console(made, tmp_path))
    page = render_page(made, {}).split("<script")[0]
    for text in (screen.getvalue(), render_json(made), page):
        assert HIDDEN not in text


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_of_a_document_is_masked(document):
    text = document.read_text()
    assert Redactor({}).clean(text) == text
