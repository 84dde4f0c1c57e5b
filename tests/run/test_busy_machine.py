"""What other programs do to the machine is no part of how long a script trains."""

import time

import pytest

from descend.doctor.run import busy_machine
from descend.doctor.run.busy_machine import OwnTime


@pytest.fixture
def counts(tmp_path, monkeypatch):
    """Let the system's counts be what is written here, and the clock what is set here."""
    file, now = tmp_path / "schedstat", [100.0]
    monkeypatch.setattr(busy_machine, "QUEUED", str(file))
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def at(seconds: float, queued: float) -> None:
        now[0] = 100.0 + seconds
        file.write_text(f"77 {int(queued * 1e9)} 5\n")

    at(0, 3)
    return at


def test_what_was_spent_in_the_queue_is_left_out(counts):
    own = OwnTime()
    assert own.share() == 1
    counts(10, 5.5)
    assert own.share() == pytest.approx(0.75)
    counts(2, 9)  # clocks that disagree
    assert own.share() == 0


@pytest.mark.parametrize("text", [None, "", "no counts"])
def test_where_nothing_is_counted_the_machine_is_free(tmp_path, monkeypatch, text):
    file = tmp_path / "schedstat"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(busy_machine, "QUEUED", str(file))
    assert OwnTime().share() == 1


def test_a_process_that_works_is_not_in_the_queue_all_the_time():
    own, until = OwnTime(), time.thread_time() + 0.05
    while time.thread_time() < until:
        pass
    assert 0 < own.share() <= 1
