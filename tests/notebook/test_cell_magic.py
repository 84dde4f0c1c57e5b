"""`%load_ext descend` adds the cell magic `%%descend`, which examines a cell with the earlier cells."""

import io
import subprocess
import sys

import pytest

pytest.importorskip("IPython", reason="IPython is not installed")
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from descend.cell_magic import CellMagic
from descend.doctor.commands.terminal import console

SESSION = """
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
for cell in (
    "%load_ext descend",
    "import torch\\nfrom torch import nn\\n%who\\ntorch.manual_seed(0)",
    "x = torch.randn(256, 8)\\ny = x[:, :3].argmax(1)\\nprint('kernel')",
):
    shell.run_cell(cell, store_history=True)
training = '''model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for step in range(60):
    loss = -nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
'''
found = shell.run_cell("%%descend --seeds 2 --select negated_loss\\n" + training, store_history=True).result
print("RUN", found.run, "model" in shell.user_ns)
print(found)
print(found._repr_html_())
"""


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A real shell of IPython, with a history in memory."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    config = Config()
    config.HistoryManager.hist_file = ":memory:"
    InteractiveShell.clear_instance()
    made = InteractiveShell.instance(config=config)
    made.run_cell("%load_ext descend", store_history=True)
    yield made
    InteractiveShell.clear_instance()


@pytest.fixture
def magic(shell):
    function = shell.magics_manager.magics["cell"]["descend"]
    assert isinstance(function.__self__, CellMagic)
    return function.__self__


def ran(shell, *cells):
    for cell, id in cells:
        shell.run_cell(cell, store_history=True, cell_id=id)


def test_earlier_cells_come_first_and_keep_their_numbers(shell, magic):
    ran(shell, ("a = 1", "one"), ("b = a + 1", "two"), ("c = 3", "three"))
    assert magic.cells("c = 3\n") == ["%load_ext descend", "a = 1", "b = a + 1", "c = 3\n"]


def test_only_the_last_version_of_a_cell_counts(shell, magic):
    ran(shell, ("a = 1", "one"), ("b = 1", "two"), ("a = 2", "one"), ("b = a", "three"))
    assert magic.cells("b = a") == ["%load_ext descend", "", "b = 1", "a = 2", "b = a"]


def test_without_ids_equal_cells_count_once(shell, magic):
    ran(shell, ("a = 1", None), ("a = 1", None), ("b = 2", None))
    assert magic.cells("b = 2") == ["%load_ext descend", "", "a = 1", "b = 2"]


def test_a_cell_that_raised_an_error_is_left_out(shell, magic, capsys):
    ran(shell, ("a = 1", "one"), ("a = 1 / 0", "two"), ("c = a", "three"))
    assert magic.cells("c = a") == ["%load_ext descend", "a = 1", "", "c = a"]


def test_code_that_is_not_a_cell_is_no_part_of_the_notebook(shell, magic, capsys):
    ran(shell, ("a = 1", "one"))
    shell.run_cell("1 / 0", store_history=False)  # as an extension of Jupyter does
    ran(shell, ("b = a", "two"))
    assert magic.cells("b = a") == ["%load_ext descend", "a = 1", "b = a"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--seed -1", "--seed must be a whole number from 0 to 2147483647, not -1"),
        ("--apply", "--apply is not possible for a cell"),
        ("train.py", "takes only options of descend doctor, not train.py"),
        ("'x", "No closing quotation"),
        ("--nonsense", "No such option: --nonsense"),
        ("--select dead_unit", "did you mean dead_units"),
    ],
)
def test_a_wrong_option_is_one_line_without_a_traceback(shell, line, message, capsys):
    done = shell.run_cell(f"%%descend {line}\nx = 1", store_history=True)
    assert message in str(done.error_in_exec)
    shown = "".join(capsys.readouterr())
    assert message in shown and "Traceback" not in shown and "File " not in shown


def test_loading_twice_keeps_one_magic(shell, magic):
    shell.run_cell("%reload_ext descend", store_history=True)
    assert shell.magics_manager.magics["cell"]["descend"].__self__ is magic


def test_a_kernel_gets_plain_lines_although_its_streams_claim_to_be_terminals(monkeypatch):
    class Stream(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Stream())
    assert console(stderr=True).is_terminal
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert not console(stderr=True).is_terminal and not console(stderr=True).is_jupyter


@pytest.mark.slow
def test_a_cell_is_diagnosed_with_a_patch_and_the_kernel_stays_as_it_is(tmp_path):
    environment = {"IPYTHONDIR": str(tmp_path), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    command = [sys.executable, "-c", SESSION]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("kernel\n") == 1 and "RUN 1 False" in done.stdout
    text, html = done.stdout.partition("RUN")[2].split("<div", 1)
    for shown in (text, html):
        assert "cells.ipynb, cell 4, line 4" in shown and "+    loss = nn.functional" in shown
        assert "descend-run" not in shown and "descend apply" not in shown
    assert not (tmp_path / "cells.ipynb").exists()
