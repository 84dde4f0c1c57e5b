"""A patch of a notebook changes what it says and nothing else, whatever the cells and the file hold."""

import json
from typing import Any

import pytest

from descend.core.errors import UsageError
from descend.doctor.script import notebook

LAST = "lr = 5\nprint(lr)"  # the cell that is edited
CELLS = {  # the cell before it
    "the mark of the next cell": "x = 1\n# %% cell 2\ny = 2",
    "the mark that its cell would get": "# %% cell 1\ny = 2",
    "the mark of no cell": "x = 1\n# %% cell 999\ny = 2",
    "the mark of a cell 0": "# %% cell 0\ny = 2",
    "a mark with a digit of another script": "x = 1\n# %% cell \u0662\ny = 2",
    "a mark of 5000 digits": f"x = 1\n# %% cell {'9' * 5000}\ny = 2",
    "a mark in a string": "s = '''\n# %% cell 2\n'''",
    "marks with more signs": "# %%% cell 2\n# %% cell 2\n# %%%% cell 2\ny = 2",
    "a line as ours for IPython": "pass  #! !ls",
    "a line as ours in a string": "s = '''\npass  #! !ls\n'''",
    "a line as ours, indented, and one for IPython": "if x:\n    pass  #! y\n    pass  #!! z\n!ls",
    "a line as ours in another program": "%%bash\npass  #! ls\n# %% cell 2",
    "returns": "x = 1\r\ny = 2\rz = 3",
    "ends of lines that are none of Python's": "x = 1\x0cy = 2\u2028z = 3\x1cw = 4\x85",
    "nothing": "",
    "no Python": "s = '''\n!ls",
    "empty lines at its end": "x = 1\n\n\n",
}
WRITTEN: dict[str, dict[str, Any]] = {
    "one line": {"indent": None},
    "no indent": {"indent": 0},
    "four columns": {"indent": 4},
    "escaped": {"indent": 1, "ensure_ascii": True},
}


def notebook_of(*sources: str, in_lines: bool = True, **style: Any) -> str:
    cells = [
        {"cell_type": "code", "source": source.splitlines(keepends=True) if in_lines else source, "outputs": []}
        for source in sources
    ]
    cells.insert(1, {"cell_type": "markdown", "source": "# %% cell 1\né"})
    return json.dumps({"nbformat": 4, "cells": cells}, **({"indent": 1, "ensure_ascii": False} | style)) + "\n"


def edited(text: str, above: str = "") -> str:
    source = notebook.to_source(text, "n.ipynb")
    assert source.count("lr = 5") == 1
    return notebook.with_source(text, "n.ipynb", above + source.replace("lr = 5", "lr = 1"))


def sources(text: str) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("in_lines", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_a_cell_that_holds_what_we_write_stays_as_it_is(name, in_lines):
    text = notebook_of(CELLS[name], LAST + "\n\n", in_lines=in_lines)
    source = notebook.to_source(text, "n.ipynb")
    assert notebook.with_source(text, "n.ipynb", source) == text
    assert sources(edited(text, "import torch\n")) == ["import torch\n" + CELLS[name], LAST.replace("5", "1") + "\n\n"]
    line = source[: source.index("lr = 5")].count("\n") + 1
    assert notebook.cell_position(source, line) == (2, 1)
    assert notebook.cell_position(source, 2) == (1, 1)


def test_only_what_is_no_python_is_left_out():
    text = notebook_of("pass  #! x\n!ls\nif y:\n    %time z", LAST)
    assert notebook.ignored_lines(text, "n.ipynb") == ["!ls", "%time z"]


@pytest.mark.parametrize("way", WRITTEN)
@pytest.mark.parametrize("tail", ["", "\n", "\n\n", " \n"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_file_is_written_as_it_was(way, tail, line_end):
    text = notebook_of("x = 'é'", LAST, **WRITTEN[way])
    text = (text.removesuffix("\n") + tail).replace("\n", line_end)
    assert edited(text) == text.replace("lr = 5", "lr = 1")


HALF = "\\ud83d"  # what is left of an emoji that a program has cut in two


@pytest.mark.parametrize("escaped", [True, False])
def test_half_of_a_surrogate_pair_in_an_output_stays_so(escaped):
    text = notebook_of("x = 'é'", LAST, ensure_ascii=escaped).replace('"outputs": []', f'"outputs": "{HALF}"')
    assert edited(text) == text.replace("lr = 5", "lr = 1") and HALF in text


def test_a_number_that_would_be_written_as_no_json_is_refused():
    text = notebook_of(LAST).replace('"outputs": []', '"outputs": [1e999]')
    with pytest.raises(
        UsageError, match="n.ipynb is not a notebook: it contains a number that is too large for a float: 1e999"
    ):
        notebook.to_source(text, "n.ipynb")
