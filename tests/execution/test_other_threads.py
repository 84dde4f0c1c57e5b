"""Threads of a script after its main thread has ended: training threads are waited for, others only for a while."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import comes

from descend.doctor.execution import other_threads
from descend.doctor.record import Record
from descend.doctor.script.script import Script

TRAINING = """
import os, sys, threading, time
import torch
from torch import nn

def train(steps):
    torch.manual_seed(0)
    x, net = torch.randn(64, 3), nn.Linear(3, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for step in range(steps):
        optimizer.zero_grad()
        net(x).square().mean().backward()
        optimizer.step()

"""
SLEEPING = """
threading.Thread(target=time.sleep, args=(3600,), name="heartbeat").start()
train(20)
"""
POOLED = """
from concurrent.futures import ThreadPoolExecutor
ThreadPoolExecutor(1, "pool").submit(time.sleep, 3600)
train(20)
sys.exit(3)
"""
TRAINED_BY_A_THREAD = """
def later():
    time.sleep(1)
    train(20)
threading.Thread(target=later).start()
"""


def observed(observe, folder: Path, text: str) -> Record:
    (folder / "train.py").write_text(TRAINING + text)
    return observe(Script(folder / "train.py", folder))


def threads_note(record: Record) -> list[str]:
    return [note.reason for note in record.notes if note.probe == other_threads.PROBE]


def test_a_sleeping_thread_is_named_and_not_waited_for(observe, tmp_path):
    record = observed(observe, tmp_path, SLEEPING)
    assert record.ending.reason == "finished" and record.steps == 20 and record.ending.weights
    (reason,) = threads_note(record)
    assert "without waiting for the script's thread heartbeat: no step was taken in" in reason


def test_an_endless_thread_pool_does_not_change_the_exit_status(observe, tmp_path):
    record = observed(observe, tmp_path, POOLED)
    assert (record.ending.reason, record.ending.status, record.steps) == ("failed", 3, 20)
    assert "thread pool_0" in threads_note(record)[0]


def test_a_thread_that_trains_after_the_main_thread_is_waited_for(observe, tmp_path):
    record = observed(observe, tmp_path, TRAINED_BY_A_THREAD)
    assert record.ending.reason == "finished" and record.steps == 20 and not threads_note(record)


class Clock:
    """A clock that advances only in `sleep`, with a training that steps at given times."""

    def __init__(self, steps_at: list[float]) -> None:
        self.now, self.steps_at = 0.0, steps_at

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def steps(self) -> int:
        return sum(time <= self.now for time in self.steps_at)

    @property
    def began(self) -> float | None:
        return self.steps_at[0] if self.steps else None


@pytest.mark.parametrize(
    ("steps_at", "until"),
    [([0, 1], 1 + 5), ([*range(41)], 40 + 40), ([300, 301], 301 + 5), ([0, 4, 8, 12, 30], 12 + 12)],
)
def test_the_waiting_time_follows_the_duration_of_earlier_steps(monkeypatch, steps_at, until):
    clock = Clock(steps_at)
    monkeypatch.setattr(other_threads.time, "sleep", clock.sleep)
    monkeypatch.setattr(other_threads.time, "perf_counter", lambda: clock.now)
    other_threads.wait_for_training(clock)
    monkeypatch.undo()
    assert until <= clock.now <= until + 1


@pytest.mark.slow
def test_watch_waits_for_threads_and_handles_ctrl_c_as_python_does(tmp_path):
    (tmp_path / "train.py").write_text(TRAINING + SLEEPING + "print('main has ended', flush=True)\n")
    ends = []
    for command in ([sys.executable, "train.py"], [sys.executable, "-m", "descend", "watch", "train.py"]):
        run = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        assert run.stdout.readline() == "main has ended\n"
        assert not comes(lambda run=run: run.poll() is not None, within=7)
        os.killpg(run.pid, signal.SIGINT)
        _, said = run.communicate(timeout=120)
        ends.append(run.returncode)
        assert "Exception ignored in: <module 'threading'" in said and "src/descend" not in said, said
    assert ends[0] == ends[1]
