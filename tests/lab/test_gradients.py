"""`descend lab gradients`: gradient statistics and batch sizes, and errors in one line."""

import json
from math import inf, isnan
from pathlib import Path

import pytest
from complaints import complaints

from descend.core.errors import UsageError
from descend.doctor.record import Ending, Fact, Reading, Record, facts
from descend.doctor.script.script import Script
from descend.lab import batch_size_runs
from descend.lab.batch_size_runs import SizedRun, read_batch_sizes, run_with_batch_sizes, runs_to_target, step_seconds

SCRIPT = """
import torch, torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset
torch.set_num_threads(1)
torch.manual_seed(0)
y = torch.arange(4).repeat_interleave(64)
x = torch.randn(256, 6) + 2 * nn.functional.one_hot(y, 6)
loader = DataLoader(TensorDataset(x, y), batch_size=8{shuffle})
model = nn.Sequential(nn.Linear(6, 8){norm}, nn.Tanh(), nn.Linear(8, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(2):
    for a, b in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(a), b).backward()
        optimizer.step()
"""


def printed_facts(done, path: Path) -> dict[tuple[str, str], dict]:
    assert done.returncode == 0, done.stderr
    assert path.stat().st_size > 10_000
    return {(fact["name"], fact["place"]): fact["detail"] for fact in json.loads(done.stdout)["facts"]}


@pytest.mark.slow
def test_a_loader_without_shuffling_is_detected(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT.format(shuffle="", norm=""))
    page = tmp_path / "gradients.html"
    options = ["--at", "first", "--format", "json", "--out", str(page)]
    found = printed_facts(descend_here("lab", "gradients", *options, "train.py", cwd=tmp_path), page)
    assert {name for name, _ in found} >= {"gradient_noise", "batch_variance", "momentum_variance", "weight_variance"}
    assert found["gradient_bias", "first"]["p_value"] < 0.05
    slope, error, _ = found["batch_variance", "first"]["exponent"]
    assert abs(slope + 1) < 4 * error < 0.3
    assert found["gradient_noise", "first"]["examples"] == 1
    beta = {each["beta"]: each for each in found["momentum_variance", "first"]["averages"]}
    mean, error, _ = beta[0.9]["independent"]
    assert abs(mean - 0.1 / 1.9) < 4 * error


NOISE = facts.GradientNoise(1.0, 1.0, (1.0, 0.0, 1.0), 64, 1, "", 8, "0", 10, 1.4, {})


def run_of(*messages, steps: int = 100, reason: str = "finished") -> Record:
    """Return the record of a run whose steps took 1 s each under observation."""
    record = Record(0, "show", None, "train.py", "/", 0, {})
    record.extend([Reading("loss", "0", step, 1.0) for step in range(steps)])
    record.extend([*messages, Ending(reason, 143, steps, loop_s=1.0 * steps)])
    return record


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """Replace the runs of `batch_size_runs` by made-up ones: `answer(plan)` returns a record, `plans` lists them."""
    (tmp_path / "train.py").write_text(SCRIPT.format(shuffle="", norm=""))
    plans = []

    def of(answer):
        def run_once(script, plan, words):
            plans.append(plan)
            return answer(plan)

        monkeypatch.setattr(batch_size_runs, "run_once", run_once)
        monkeypatch.setattr(batch_size_runs, "_with_batch_size", lambda script, record, size: script)
        first = run_of(Fact.of(NOISE, 0, "first"))
        return run_with_batch_sizes(Script(tmp_path / "train.py", tmp_path), first, [4, 8, 32]), plans

    return of


def test_a_step_is_timed_in_an_unobserved_run(runs):
    timed = [Reading("step_seconds", "0", step, 0.5 if step <= 20 else 0.001) for step in range(1, 101)]
    (found, interruption), plans = runs(lambda plan: run_of(*timed if plan.role == "bare" else ()))
    assert interruption is None and {run.step_seconds for run in found} == {0.001}
    assert [plan.role for plan in plans] == ["show", "bare"] * 6
    assert [run.size for run in found] == [4, 8, 32] * 2  # the sizes take turns


def test_a_step_that_could_not_be_timed_has_no_time(runs):
    (found, _), _ = runs(lambda plan: run_of())
    assert len(found) == 6 and all(isnan(run.step_seconds) for run in found)


@pytest.mark.parametrize("role", ["show", "bare"])
def test_an_interruption_ends_all_runs(runs, role):
    (found, interruption), plans = runs(lambda plan: run_of(reason="interrupted" if plan.role == role else "finished"))
    assert found == [] and (interruption.reason, interruption.status) == ("interrupted", 143)
    assert len(plans) == (1 if role == "show" else 2)


@pytest.mark.slow
def test_an_unobserved_run_reports_the_time_of_each_step(tmp_path):
    """The script's clock advances by 1/64 s for a batch and by 1 s between two epochs."""
    from descend.doctor.commands.single_run import run_once
    from descend.doctor.script.plan import Plan

    clock = "import time\nnow = [time.perf_counter()]\ntime.perf_counter = lambda: now[0]\n"
    epoch = "    now[0] += 1\n    for a, b in loader:\n        now[0] += 1 / 64"
    steps = clock + SCRIPT.format(shuffle="", norm="").replace("    for a, b in loader:", epoch)
    (tmp_path / "train.py").write_text(steps)
    plan = Plan(role="bare", jobs=1, asked={"what": "step_seconds"}).with_fixed_steps(50)
    record = run_once(Script(tmp_path / "train.py", tmp_path), plan)
    assert record.steps == 50 and len(record.series("step_seconds", "0")) == 49
    assert step_seconds(record) == pytest.approx(1 / 64)


@pytest.mark.thorough
@pytest.mark.slow
def test_with_batch_norm_whole_batches_are_measured(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT.format(shuffle=", shuffle=True", norm=", nn.BatchNorm1d(8)"))
    page = tmp_path / "gradients.html"
    options = ["--batches", "4,8,32", "--format", "json", "--out", str(page)]
    found = printed_facts(descend_here("lab", "gradients", *options, "train.py", cwd=tmp_path), page)
    noise = found["gradient_noise", "first"]
    assert noise["examples"] == 8 and "cannot be computed for one example" in noise["why"]
    assert found["gradient_bias", "first"]["p_value"] > 0.001
    runs = [found["batch_run", str(size)] for size in (4, 8, 32)]
    assert len({run["target"] for run in runs}) == 1 and any(run["steps"] for run in runs)
    held = [run["kept_bytes"] for run in runs]
    # per example: 6 inputs, 8 inputs of batch norm, 8 outputs of tanh, 4 log-probabilities, and a label of 8 bytes
    each = 4 * (6 + 8 + 8 + 4) + 8
    assert (held[1] - held[0], held[2] - held[1]) == (4 * each, 24 * each)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--batches", "8,x"], "--batches must be at least 3 batch sizes, such as 8,64,512, not '8,x'"),
        (["--batches", "8,0,3"], "not '8,0,3'"),
        (["--batches", "8,8,16"], "not '8,8,16'"),
        (["--target", "0.1"], "--target needs --batches"),
        (["--at", "middle"], "--at must be first, last or step numbers"),
    ],
)
def test_a_wrong_request_is_one_line(descend_here, tmp_path, arguments, says):
    (tmp_path / "train.py").write_text("")
    done = descend_here("lab", "gradients", *arguments, "train.py")
    assert done.returncode == 2 and says in done.stderr and len(complaints(done.stderr)) == 1


def test_the_default_target_is_the_loss_that_all_runs_reach():
    slow, fast = SizedRun(4, [inf, 2.0, 1.0, 0.5], 0.01), SizedRun(64, [1.5, 0.7], 0.1)
    target, runs = runs_to_target([slow, fast], 2.0)
    assert target == 0.7
    assert [(run.size, run.steps, run.seconds) for run in runs] == [(4, 4.0, 0.04), (64, 2.0, 0.2)]
    target, runs = runs_to_target([slow, fast], 2.0, 0.6)
    assert target == 0.6 and [run.steps for run in runs] == [4.0, inf]


def test_a_size_that_does_not_train_does_not_set_the_target():
    up, down = SizedRun(1, [2.0, 1.9, 3.0], 0.01), SizedRun(64, [1.5, 0.7], 0.1)
    target, runs = runs_to_target([up, down], 2.0)
    assert target == 0.7 and [run.steps for run in runs] == [inf, 2.0]
    with pytest.raises(UsageError, match="the training loss does not fall from 2 with any of the batch sizes"):
        runs_to_target([up], 2.0)


def test_sizes_are_read_in_order():
    assert read_batch_sizes("512,8, 64") == [8, 64, 512]
    with pytest.raises(UsageError):
        read_batch_sizes("")
