"""Time that a process waits in the run queue, because of other programs, is subtracted from its training time."""

import time

import pytest

from descend.doctor.execution import busy_machine
from descend.doctor.execution.busy_machine import ProcessorShare


@pytest.fixture
def counts(tmp_path, monkeypatch):
    """Write the system's queue counts, and set the clock."""
    file, now = tmp_path / "schedstat", [100.0]
    monkeypatch.setattr(busy_machine, "QUEUED", str(file))
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def at(seconds: float, queued: float) -> None:
        now[0] = 100.0 + seconds
        file.write_text(f"77 {int(queued * 1e9)} 5\n")

    at(0, 3)
    return at


def test_time_in_the_run_queue_is_subtracted(counts):
    own = ProcessorShare()
    assert own.share() == 1
    counts(10, 5.5)
    assert own.share() == pytest.approx(0.75)
    counts(2, 9)  # inconsistent clocks
    assert own.share() == 0


@pytest.mark.parametrize("text", [None, "", "no counts"])
def test_without_queue_counts_no_time_is_subtracted(tmp_path, monkeypatch, text):
    file = tmp_path / "schedstat"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(busy_machine, "QUEUED", str(file))
    assert ProcessorShare().share() == 1


def test_a_working_process_is_not_always_queued():
    own, until = ProcessorShare(), time.thread_time() + 0.05
    while time.thread_time() < until:
        pass
    assert 0 < own.share() <= 1
