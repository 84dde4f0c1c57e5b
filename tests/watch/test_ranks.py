"""A group of processes has one report: step times of each rank, slow ranks, and ranks that have died."""

import json
import os
import subprocess
import sys
from statistics import median

import pytest
import torch

from descend.doctor.commands.watch import rank_summary
from descend.doctor.commands.watch.rank_summary import merge_ranks
from descend.doctor.execution.pace import TIMES
from descend.doctor.instrumentation import rank_curvature
from descend.doctor.instrumentation.steps import step_times
from descend.doctor.instrumentation.steps.step_times import StepTimes
from descend.doctor.record import Ending, Reading, Record
from descend.doctor.record.store import open_store
from descend.doctor.script.plan import CLOCK

TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
TRAINING = """
import os, sys, time
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

dist.init_process_group("gloo")
rank = dist.get_rank()
torch.manual_seed(0)
model = DistributedDataParallel(nn.Linear(20, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for step in range(120):
    x = torch.randn(64, 20)
    if rank == 1:
        time.sleep(0.03)
    if "dies" in sys.argv and rank == 1 and step == 60:
        os.kill(os.getpid(), 9)
    optimizer.zero_grad()
    loss = (model(x) - x[:, :1]).square().mean()
    loss.backward()
    optimizer.step()
dist.destroy_process_group()
"""


def watched(
    folder, *arguments: str, training: str = TRAINING, **environment: str
) -> tuple[subprocess.CompletedProcess[str], list[str], Record]:
    """Run the training on two ranks, each watched; return the output and the one listed run."""
    (folder / "train.py").write_text(training)
    command = [sys.executable, *TORCHRUN, "-m", "descend", "watch", "train.py", *arguments]
    variables = {**os.environ, **environment}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=120)
    with open_store(folder / ".descend") as store:
        (line,) = store.runs()
        return (
            done,
            [said for said in done.stderr.splitlines() if said.startswith("descend: ")],
            store.load(line.number),
        )


@pytest.mark.slow
def test_a_slow_rank_is_reported_once(tmp_path):
    done, said, record = watched(tmp_path)
    assert done.returncode == 0, done.stderr
    assert (record.environment["rank"], record.environment["world_size"]) == ("0", "2")
    assert record.places("own_seconds") == record.places("step_seconds") == ["0", "1"]
    own = [median(record.series("own_seconds", rank).values) for rank in ("0", "1")]
    assert own[1] > 0.03 > 2 * own[0]
    assert median(record.series("step_seconds", "0").values) > 0.03  # it waits
    assert len([line for line in said if line.startswith("descend: finding: rank 1 takes 0.0")]) == 1
    assert len([line for line in said if line.startswith("descend: 2 ranks, 0.0")]) == 1


@pytest.mark.slow
def test_a_rank_that_dies_is_reported(tmp_path):
    done, said, record = watched(tmp_path, "dies")
    assert done.returncode != 0 and record.ending.reason != "finished"
    assert any("rank 1: killed, last message at step" in line for line in said)
    assert record.series("own_seconds", "1").values


class Clock:
    now = 100.0

    def perf_counter(self) -> float:
        return self.now


def test_own_seconds_count_only_the_time_before_the_backward_pass(monkeypatch):
    clock, sent = Clock(), []
    monkeypatch.setattr(step_times, "time", clock)
    times = StepTimes(3, sent.extend)
    for step in range(1, 12):
        clock.now += 0.02
        times.backward_begins()
        clock.now += 0.01
        times.backward_begins()  # gradient accumulation
        clock.now += 0.07
        times.step_ended(step)
    times.flush()
    first, last = sent[:2], sent[2:]
    assert [(r.name, r.place) for r in first] == [("step_seconds", "3"), ("own_seconds", "3")]
    assert [r.value for r in first + last] == pytest.approx([0.1, 0.02] * 2)
    assert first[0].step == 6 and last[0].step == 11  # the beginning of the first step is unknown


def rank_of(job: str, rank: int, own: float, ending: Ending | None) -> Record:
    record = Record(0, "rank" if rank else "watch", environment={"job": job, "rank": str(rank), "world_size": "4"})
    record.extend(Reading(name, str(rank), step, own) for step in range(6) for name in TIMES)
    record.ending = ending
    return record


def test_the_available_records_of_other_ranks_are_merged(tmp_path, monkeypatch):
    monkeypatch.setattr(rank_summary, "PATIENCE_S", 0.0)
    done, killed = Ending("finished", 0, 6), Ending("killed", 137, 4)
    with open_store(tmp_path) as store:
        for other in (
            rank_of("another", 3, 9.0, done),
            rank_of("this", 1, 0.5, None),
            rank_of("this", 2, 0.25, killed),
        ):
            store.save(other)
        first = rank_of("this", 0, 0.25, done)
        store.save(first)
        said = merge_ranks(first, store)
        again = store.load(first.run)
    assert again.series("own_seconds", "1").values == (0.5,) * 6 and again.places("own_seconds") == ["0", "1", "2"]
    assert said.startswith("4 ranks, 0.25 s per step") and "rank 1 0.5 s, rank 2 0.25 s" in said
    assert "rank 3 has no record" in said and "rank 1 was cut off after at least 5 steps" in said
    assert "rank 2: killed, last message at step 4" in said
    assert json.loads(json.dumps(again.environment)) == first.environment


# A model that outlives its process group may hang PyTorch 2.13 (docs/parallel.md), so a function scope frees it.
UNLIKE = """
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def main():
    rank = dist.get_rank()
    torch.manual_seed(rank)
    model = DistributedDataParallel(nn.Linear(4, 1, bias=False))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    x = torch.randn(256, 4) * torch.tensor([1.0, 1.0, 1.0, 4.0 if rank else 1.0])
    y = x[:, :1] + torch.randn(256, 1)
    torch.save(x, f"inputs-{rank}.pt")
    for step in range(400):
        optimizer.zero_grad()
        (model(x) - y).square().mean().backward()
        optimizer.step()


dist.init_process_group("gloo")
main()
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_the_curvature_of_a_group_belongs_to_its_averaged_loss(tmp_path):
    """For the mean square of a linear layer, H is 2 XᵀX / n; the ranks have different inputs."""
    done, said, record = watched(tmp_path, training=UNLIKE, **{CLOCK: "steps"})
    assert done.returncode == 0, done.stderr
    x = [torch.load(tmp_path / f"inputs-{rank}.pt") for rank in (0, 1)]
    hessians = [2 * part.T @ part / len(part) for part in x]
    found = record.series("curvature", "0").values
    assert found and found == pytest.approx([float(torch.linalg.eigvalsh(sum(hessians) / 2)[-1])] * len(found)), record


MEETINGS = """
import json
import pathlib
from datetime import timedelta
from types import SimpleNamespace

import torch
import torch.distributed as dist

from descend.doctor.instrumentation import rank_curvature
from descend.doctor.instrumentation.rank_curvature import RankCurvature

dist.init_process_group("gloo")
rank = dist.get_rank()
weight = (torch.ones(3),)
loss = SimpleNamespace(gradient=lambda parameters: (torch.full((3,), float(rank)),))  # 0.5 on average
recording = SimpleNamespace(loss=lambda parameters: loss)
results = {}


def meet(name, step, gradient, ready=True, comes=True):
    notes, measured = [], []
    meeting = RankCurvature(rank, lambda: True, lambda probe, reason, step: notes.append(reason))
    moment = SimpleNamespace(step=step, parameters=weight, gradients=(torch.full((3,), gradient),), recording=recording)
    if comes:
        meeting.measure(moment, ready, measured.append, None)
    results[name] = {"notes": notes, "goes on": meeting.next < float("inf")}


meet("another step", 8 + rank, 0.5)
meet("not ready", 8, 0.5, ready=rank == 0)
meet("another gradient", 8, 0.6)
rank_curvature.PATIENCE = timedelta(seconds=2)
meet("one does not come", 8, 0.5, comes=rank == 0)
pathlib.Path(f"results-{rank}.json").write_text(json.dumps(results))
dist.destroy_process_group()  # otherwise PyTorch 2.13 aborts at the end in one of three runs
"""


@pytest.mark.slow
def test_a_failed_common_measurement_ends_and_the_training_continues(tmp_path):
    (tmp_path / "meetings.py").write_text(MEETINGS)
    done = subprocess.run([sys.executable, *TORCHRUN, "meetings.py"], cwd=tmp_path, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for rank in (0, 1):
        results = json.loads((tmp_path / f"results-{rank}.json").read_text())
        assert results["not ready"] == {"notes": [], "goes on": True}
        assert results["another step"] == {"notes": [rank_curvature.APART], "goes on": False}
        assert results["another gradient"] == {"notes": [rank_curvature.HIDDEN], "goes on": False}
    assert not json.loads((tmp_path / "results-0.json").read_text())["one does not come"]["goes on"]
