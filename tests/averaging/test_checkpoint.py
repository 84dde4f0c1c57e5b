"""Checkpoints resume training bit for bit, are never incomplete, and are rejected if they do not fit."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from sampling import sampled
from torch import nn
from torch.nn.functional import mse_loss

import descend.optim
from descend.averaging import Checkpoint, EarlyStopping, bias_corrected_ema
from descend.data import ErrorWeighted
from descend.schedules import Constant, Cosine, Scheduler

RULES = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "our adam": lambda p: descend.optim.Adam(p, lr=0.01),
    "our momentum": lambda p: descend.optim.Momentum(p, lr=0.01),
}


class Training:
    """A small training that uses every generator, dropout, a schedule and an average."""

    def __init__(self, path, rule="adam"):
        torch.manual_seed(0), np.random.seed(0), random.seed(0)
        self.model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.3), nn.BatchNorm1d(8), nn.Linear(8, 1))
        self.optimizer = RULES[rule](self.model.parameters())
        self.scheduler = Scheduler(self.optimizer, lr=Cosine(40).after_warmup(3))
        self.averaged = torch.optim.swa_utils.AveragedModel(self.model, multi_avg_fn=bias_corrected_ema(0.9))
        self.stopping = EarlyStopping(self.model, patience=50)
        parts = {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler}
        self.checkpoint = Checkpoint(path, **parts, averaged=self.averaged, stopping=self.stopping)

    def go(self, steps):
        losses = []
        for _ in range(steps):
            x = torch.randn(16, 3) * np.random.rand() + random.random()
            self.optimizer.zero_grad()
            loss = mse_loss(self.model(x), x.sum(1, keepdim=True))
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
            self.averaged.update_parameters(self.model)
            self.stopping.step(loss.item())
            losses.append(loss.item())
        return losses


@pytest.mark.parametrize("rule", RULES)
def test_training_resumes_bit_for_bit(tmp_path, rule):
    whole = Training(tmp_path / "run.pt", rule)
    whole.go(13)
    whole.checkpoint.save(13)
    later = whole.go(10)

    again = Training(tmp_path / "run.pt", rule)
    torch.rand(5), np.random.rand(3), random.random()
    assert again.checkpoint.resume() == 13
    assert again.go(10) == later
    for one, other in ((whole.model, again.model), (whole.averaged, again.averaged)):
        assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values()))
    assert whole.stopping.best == again.stopping.best


def test_without_a_file_resume_returns_none(tmp_path):
    assert Training(tmp_path / "run.pt").checkpoint.resume() is None


def test_a_checkpoint_has_the_same_file_mode_as_a_file_of_torch(tmp_path):
    Training(tmp_path / "run.pt").checkpoint.save()
    torch.save({}, tmp_path / "torchs.pt")
    assert (tmp_path / "run.pt").stat().st_mode == (tmp_path / "torchs.pt").stat().st_mode
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.pt", "torchs.pt"]


# For each line of its input, a child process writes checkpoints until it is killed.
WRITER = """
import os, sys, torch
from torch import nn
from descend.averaging import Checkpoint
for _ in sys.stdin:
    if child := os.fork():
        os.waitpid(child, 0)
        print("killed", flush=True)
        continue
    model = nn.Linear(2000, 2000)
    checkpoint = Checkpoint(sys.argv[1], durable=sys.argv[2] == "durable", model=model)
    print(os.getpid(), flush=True)
    step = 0
    while True:
        step += 1
        model.weight.data.fill_(step)
        checkpoint.save(step)
        print(step, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("durable", sampled(["durable", "quick"], "durable"))
def test_a_process_killed_while_writing_leaves_a_complete_file(tmp_path, durable):
    path, model = tmp_path / "run.pt", nn.Linear(2000, 2000)
    caught, command = 0, [sys.executable, "-c", WRITER, path, durable]
    writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for delay in (0.0, 0.004, 0.009, 0.013, 0.02, 0.031):
        print(file=writer.stdin, flush=True)
        child, _, said = (int(writer.stdout.readline()) for _ in range(3))
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        said = max([said, *map(int, iter(lambda: writer.stdout.readline().strip(), "killed"))])
        caught += bool(list(tmp_path.glob(".run.pt.*.partial")))
        step = Checkpoint(path, model=model).resume()
        assert said <= step <= said + 1
        assert (model.weight == step).all()
        assert [p.name for p in tmp_path.iterdir()] == ["run.pt"]
    writer.communicate()
    assert caught, "no process was killed in the middle of writing"


def test_a_failed_write_keeps_the_previous_checkpoint(tmp_path, monkeypatch):
    training = Training(tmp_path / "run.pt")
    training.checkpoint.save(1)
    before = (tmp_path / "run.pt").read_bytes()

    def full(saved, path):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        training.checkpoint.save(2)
    assert (tmp_path / "run.pt").read_bytes() == before and len(os.listdir(tmp_path)) == 1


@pytest.mark.parametrize("do", [Checkpoint.resume, Checkpoint.save])
def test_a_missing_folder_is_named_by_both_resume_and_save(tmp_path, do):
    checkpoint = Checkpoint(tmp_path / "runs" / "run.pt", model=nn.Linear(1, 1))
    with pytest.raises(FileNotFoundError, match="the folder .*runs of .*run.pt does not exist"):
        do(checkpoint)
    (tmp_path / "runs").mkdir()
    checkpoint.save(1)
    assert checkpoint.resume() == 1


@pytest.mark.parametrize("keep", [0, 100, -300])
def test_a_truncated_file_is_named(tmp_path, keep):
    training = Training(tmp_path / "run.pt")
    training.checkpoint.save(1)
    whole = (tmp_path / "run.pt").read_bytes()
    (tmp_path / "run.pt").write_bytes(whole[:keep])
    with pytest.raises(ValueError, match="run.pt is damaged or not a checkpoint"):
        training.checkpoint.resume()


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (lambda: {"model": nn.Linear(3, 5)}, "model was saved from a different model: weight has shape"),
        (
            lambda: {"model": nn.Linear(3, 4, bias=False)},
            "model was saved from a different model: bias is only in the file",
        ),
        (
            lambda: {"optimizer": torch.optim.Adam([torch.zeros(1)])},
            "optimizer is a SGD, but the object that should load it is a Adam",
        ),
        (
            lambda: {"optimizer": torch.optim.SGD([torch.zeros(1)] * 1)},
            r"optimizer has groups of \[1\] parameters, but groups of \[2\] in the file",
        ),
        (lambda: {"sampler": nn.Linear(1, 1)}, "contains no state for sampler, only for model, optimizer"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_rejected_before_anything_is_loaded(tmp_path, other, says):
    def parts():
        model = nn.Linear(3, 4)
        return {"model": model, "optimizer": torch.optim.SGD(model.parameters(), lr=0.1)}

    Checkpoint(tmp_path / "run.pt", **parts()).save()
    new = {**parts(), **other()}
    before = {name: value.clone() for name, value in new["model"].state_dict().items()}
    random_state = torch.get_rng_state()
    with pytest.raises(ValueError, match=says):
        Checkpoint(tmp_path / "run.pt", **new).resume()
    assert all(torch.equal(value, before[name]) for name, value in new["model"].state_dict().items())
    assert torch.equal(random_state, torch.get_rng_state())


def test_numpy_numbers_are_saved_as_python_numbers(tmp_path):
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=np.logspace(-1, -3, 3)[0])
    checkpoint = Checkpoint(tmp_path / "run.pt", model=model, optimizer=optimizer)
    checkpoint.save(np.int64(3))
    assert checkpoint.resume() == 3 and optimizer.param_groups[0]["lr"] == 0.1


def test_a_part_that_rejects_its_state_leaves_the_other_parts_unchanged(tmp_path):
    def parts(count):
        return {"model": nn.Linear(2, 1), "sampler": ErrorWeighted(count)}

    Checkpoint(tmp_path / "run.pt", **parts(4)).save()
    new = parts(5)
    before = new["model"].weight.detach().clone()
    with pytest.raises(ValueError, match="the checkpoint is for 4 examples, not 5"):
        Checkpoint(tmp_path / "run.pt", **new).resume()
    assert torch.equal(new["model"].weight, before)


def test_a_part_without_a_state_is_named(tmp_path):
    with pytest.raises(TypeError, match="loss is a float, which has no state_dict to save"):
        Checkpoint(tmp_path / "run.pt", loss=0.1)


def test_a_file_of_torch_save_is_not_a_checkpoint(tmp_path):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "run.pt")
    with pytest.raises(ValueError, match="not a checkpoint in the format of this version"):
        Checkpoint(tmp_path / "run.pt").resume()


def test_a_schedule_changed_before_resuming_applies_from_the_first_step(tmp_path):
    def part(schedule):
        weight = nn.Parameter(torch.zeros(2))
        optimizer = torch.optim.SGD([weight], lr=0.1)
        return {"optimizer": optimizer, "scheduler": Scheduler(optimizer, lr=schedule)}

    earlier = part(Constant())
    for _ in range(100):
        earlier["optimizer"].step()
        earlier["scheduler"].step()
    Checkpoint(tmp_path / "c", **earlier).save(100)
    later = part(Constant().rewarmed(100, 10))
    assert Checkpoint(tmp_path / "c", **later).resume() == 100
    rates = []
    for _ in range(3):
        rates.append(later["optimizer"].param_groups[0]["lr"])
        later["optimizer"].step()
        later["scheduler"].step()
    assert rates == pytest.approx([0.01, 0.02, 0.03])


class Odd:
    def state_dict(self):
        return {"where": [Path("somewhere")]}

    def load_state_dict(self, state):
        raise AssertionError


def test_a_state_that_cannot_be_loaded_does_not_replace_a_valid_checkpoint(tmp_path):
    model = nn.Linear(2, 1)
    good = Checkpoint(tmp_path / "c", model=model)
    good.save(1)
    with pytest.raises(TypeError, match="odd contains a PosixPath that cannot be loaded again"):
        Checkpoint(tmp_path / "c", model=model, odd=Odd()).save(2)
    with pytest.raises(TypeError, match="progress contains a object that cannot be loaded again"):
        good.save(object())
    assert good.resume() == 1 and [file.name for file in tmp_path.iterdir()] == ["c"]


@pytest.mark.parametrize("rule", RULES)
def test_optimizer_moments_of_a_different_model_are_rejected(tmp_path, rule):
    def optimizer(*shape):
        weight = nn.Parameter(torch.ones(shape))
        made = RULES[rule]([weight])
        weight.sum().backward()
        made.step()
        return made

    Checkpoint(tmp_path / "c", optimizer=optimizer(3, 4)).save()
    with pytest.raises(ValueError, match="saved with a different model"):
        Checkpoint(tmp_path / "c", optimizer=optimizer(2, 5)).resume()
