"""Another script takes the place of the script; its arguments, folder and imports stay."""

import json

import pytest

from descend.core.errors import UsageError
from descend.doctor.changes.from_script import with_other_script
from descend.doctor.script.script import Script, find_script


@pytest.fixture
def script(tmp_path, monkeypatch) -> Script:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("lr = 5\n")
    return find_script("train.py", ("--epochs", "3"))


def test_only_the_text_is_that_of_the_other_script(script, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/new.py").write_bytes("# coding: latin-1\nlr = 1  # é\n".encode("latin-1"))
    changed = with_other_script(script, "other/new.py")
    assert changed.edits == {script.path: "# coding: latin-1\nlr = 1  # é\n"}
    assert (changed.path, changed.root, changed.arguments) == (script.path, tmp_path, ("--epochs", "3"))
    assert changed.encode(script.path, changed.read(script.path)) == (tmp_path / "other/new.py").read_bytes()


def test_the_texts_may_be_equal(script, tmp_path):
    (tmp_path / "same.py").write_text("lr = 5\n")
    assert with_other_script(script, "same.py").diff() == ""


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ("none.py", "no such script: none.py"),
        (".", ". is a directory"),
        ("broken.py", "broken.py:1: "),
        ("x.ipynb", "train.py is a script and x.ipynb is a notebook: compare two of one kind"),
    ],
)
def test_what_is_not_a_script_is_refused(script, tmp_path, other, says):
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "x.ipynb").write_text(notebook("lr = 1"))
    with pytest.raises(UsageError) as raised:
        with_other_script(script, other)
    assert says in str(raised.value) and "\n" not in str(raised.value)


def notebook(*cells: str) -> str:
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": [cell]} for cell in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def test_a_notebook_with_as_many_cells_can_take_the_place_of_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, cells in (("a", ("lr = 5", "x = 0")), ("b", ("lr = 1", "x = 0")), ("c", ("lr = 1",))):
        (tmp_path / f"{name}.ipynb").write_text(notebook(*cells))
    script = find_script("a.ipynb")
    assert json.loads(script.encode(script.path, with_other_script(script, "b.ipynb").read(script.path))) == json.loads(
        notebook("lr = 1", "x = 0")
    )
    with pytest.raises(UsageError, match="c.ipynb adds, removes or moves cells of a.ipynb"):
        with_other_script(script, "c.ipynb")
