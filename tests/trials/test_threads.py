"""The number of threads of a run: a fair share of the cores, and no more than the user allows."""

import pytest

from descend.doctor.script import plan
from descend.doctor.script.plan import Plan


@pytest.mark.parametrize(
    ("jobs", "allowed", "threads"),
    [(1, None, 8), (2, None, 4), (16, None, 1), (1, "1", 1), (1, "3", 3), (4, "3", 2), (1, "0", 8), (1, "4,2", 8)],
)
def test_a_run_has_its_share_of_the_cores_but_no_more_than_omp_num_threads(monkeypatch, jobs, allowed, threads):
    monkeypatch.setattr(plan, "cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if allowed is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", allowed)
    assert Plan(jobs=jobs).threads == threads
