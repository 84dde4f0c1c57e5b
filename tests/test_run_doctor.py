"""`descend.run_doctor` is the command `descend doctor` as a function."""

import inspect
import re

import pytest
import typer.main

import descend
from descend.cli import app
from descend.doctor.record.store import open_store
from descend.doctor.report.consultation import Consultation
from descend.doctor.run_doctor import LIMITS

COMMAND_ONLY = {"apply", "format", "help", "verbose"}  # options that write a file or choose what the command prints
PYTHON_ONLY = {"progress"}
FAULTY = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(256, 8)
y = x[:, :3].argmax(1)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for step in range(60):
    loss = -nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def options():
    return {p.name: p for p in typer.main.get_command(app).commands["doctor"].params if p.name not in COMMAND_ONLY}


def test_the_options_and_defaults_are_those_of_the_command():
    ours = inspect.signature(descend.run_doctor).parameters
    assert ours.keys() - PYTHON_ONLY == options().keys()
    for name, option in options().items():
        if name != "script":
            assert (ours[name].default or None) == (option.default or None), name


def test_the_limits_of_numbers_are_those_of_the_command():
    metavars = {name: re.search(r"(\S+)\.\.(\S+)", option.metavar or "") for name, option in options().items()}
    limits = {name: tuple(map(float, found.groups())) for name, found in metavars.items() if found}
    assert {name: limits[name] for name in limits if name != "budget"} == LIMITS  # a budget is also a text, such as 2m


@pytest.mark.slow
def test_the_result_has_verdict_patch_and_report(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(FAULTY)
    found = descend.run_doctor("train.py", seeds=2, select=["negated_loss"], progress=False)
    assert isinstance(found, Consultation) and found.status == "findings" and found.findings
    assert "a proved fix" in found.verdict and found.verdict in repr(found)
    assert " ".join(found.verdict.split()[:5]) in str(found) and "descend apply" in str(found)
    html = found._repr_html_()
    assert found.patch == found.case.patch and "+    loss = nn.functional" in found.patch
    assert "+    loss = nn.functional" in html and "train.py:11" in html and len(html) < 10_000
    assert found.report.read_text().startswith("<!")
    with open_store(tmp_path / ".descend") as store:
        assert store.load_case(found.run)[0][0]["id"] == found.findings[0].id
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "train.py").read_text() == FAULTY


@pytest.mark.slow
def test_a_failing_script_gives_a_result_with_its_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("import torch\nraise OSError('no <data>')\n")
    found = descend.run_doctor("train.py", progress=False)
    assert found.status == "script_failed" and "OSError: no <data>" in found.verdict
    assert "OSError: no &lt;data&gt;" in found._repr_html_() and "<data>" not in found._repr_html_()
