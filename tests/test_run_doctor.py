"""`descend.run_doctor` is the command `descend doctor` as a function."""

import inspect
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import typer.main

import descend
from descend.cli import app
from descend.core.errors import UsageError
from descend.doctor import pipeline
from descend.doctor.commands.doctor_plan import LIMITS, make_plan, read_texts
from descend.doctor.record.store import open_store
from descend.doctor.report.consultation import Consultation

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
    assert limits == LIMITS


def test_numbers_of_numpy_and_paths_are_stored_as_plain_values():
    whole = {name: np.int64(7) for name in ("steps", "seeds", "seed", "jobs", "processes", "trials")}
    plan = make_plan(**whole, seconds=np.float32(30), budget=np.float64(120), select=(name for name in ["plateau"]))
    numbers = {name: getattr(plan, name) for name in (*whole, "least_steps", "seconds", "patience", "budget_s")}
    assert json.loads(json.dumps(numbers)) == numbers and {numbers.pop(name) for name in whole} == {7}
    assert (plan.seconds, plan.budget_s, plan.select) == (30.0, 120.0, ("plateau",))
    assert read_texts("arguments", ["--data", Path("a/b"), np.str_("c")]) == ("--data", "a/b", "c")


@pytest.mark.parametrize(("budget", "seconds"), [(None, math.inf), (90, 90.0), ("90", 90.0), ("2m", 120.0)])
def test_a_budget_is_a_number_or_a_text(budget, seconds):
    assert make_plan(budget=budget).budget_s == seconds


def test_the_command_and_the_function_make_the_same_plan(descend_here, tmp_path, monkeypatch):
    plans = []

    def stop(script, plan, *others, **options):
        plans.append(plan)
        raise UsageError("no run is needed")

    monkeypatch.setattr(pipeline, "doctor", stop)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(FAULTY)
    choices = {"steps": 50, "seconds": 30.0, "seeds": 3, "seed": 2, "jobs": 1, "trials": 4}
    words = [word for name, value in choices.items() for word in (f"--{name}", str(value))]
    done = descend_here("doctor", *words, "--budget", "2m", "--ignore", "plateau", "train.py")
    assert "no run is needed" in done.stderr
    with pytest.raises(UsageError, match="no run is needed"):
        descend.run_doctor("train.py", **choices, budget="2m", ignore=["plateau"], progress=False)
    assert plans[0] == plans[1] and plans[0].seeds == 3


def test_another_rank_of_a_torchrun_group_runs_no_doctor(descend_here, tmp_path, monkeypatch):
    (tmp_path / "train.py").write_text(FAULTY)
    group = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "x", "MASTER_PORT": "1"}
    for name, value in group.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=r"in one process of the torchrun group only: if os.environ\['RANK'\] == '0'"):
        descend.run_doctor(tmp_path / "train.py")
    done = descend_here("doctor", "train.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


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
