"""Reports and documents without secrets keep their meaning: nothing in them is masked."""

import inspect
import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "report"))

import cases  # noqa: E402
import endings  # noqa: E402
import odd_cases  # noqa: E402

from descend.doctor.archive import load_case, save_case  # noqa: E402
from descend.doctor.record.store import open_store  # noqa: E402
from descend.doctor.redaction import HIDDEN, Redactor  # noqa: E402
from descend.doctor.report import render_console, render_json, render_page, write_patches  # noqa: E402

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


@pytest.mark.slow
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
    assert Redactor({}).mask_secrets(text) == text


def test_a_secret_in_a_changed_line_is_only_in_the_patch_file(tmp_path):
    made = cases.inputs_not_normalised(tmp_path)
    patch = "--- train.py\n+++ train.py\n@@ -1 +1 @@\n-fit(lr=9, api_key='hunter2x')\n+fit(lr=1, api_key='hunter2x')\n"
    made = cases.altered(made, fix=replace(made.fix, patch=patch), trials=(replace(made.fix, patch=patch),))
    screen = io.StringIO()
    Console(file=screen, width=200).print(render_console(made, tmp_path))
    assert "fix.diff changes a line that contains a secret" in screen.getvalue()
    write_patches(made, tmp_path)
    kept = tmp_path / "fix.diff"
    assert kept.read_text() == patch and kept.stat().st_mode & 0o777 == 0o600
    with open_store(tmp_path / "store") as store:
        store.save(made.record)
        save_case(store, made)
        again = str([vars(trial) for trial in load_case(store, made.record.run).trials])
    said = [screen.getvalue(), render_json(made), render_page(made, {}), again]
    assert all("hunter2x" not in text for text in said)
    assert all("lr=1, api_key=" in text for text in said[1:])
    assert all(b"hunter2x" not in path.read_bytes() for path in (tmp_path / "store").iterdir())
