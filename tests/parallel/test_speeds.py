"""Shares of a batch in proportion to the processes' speeds, and dynamically assigned batches."""

import json
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from descend.parallel.speeds import examples_per_process


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=20), st.integers(0, 500))
def test_all_examples_are_divided_and_faster_processes_get_no_fewer(speeds, spare) -> None:
    sizes = examples_per_process(len(speeds) + spare, speeds)
    assert sum(sizes) == len(speeds) + spare and min(sizes) >= 1
    ranked = [size for _, size in sorted(zip(speeds, sizes))]
    assert all(a <= b + 1 for a, b in zip(ranked, ranked[1:]))


def test_shares_are_proportional_to_the_speed() -> None:
    assert examples_per_process(64, (3, 3, 3, 1)) == [19, 19, 19, 7] and examples_per_process(4, (100, 1, 1, 1)) == [
        1,
        1,
        1,
        1,
    ]
    with pytest.raises(ValueError, match="3 examples cannot be divided among 4 processes"):
        examples_per_process(3, (1, 1, 1, 1))


@pytest.mark.slow
def test_unequal_shares_give_the_steps_of_equal_shares(ranks, tmp_path) -> None:
    ranks("speeds.py", 3, str(tmp_path))
    results = json.loads((tmp_path / "results.json").read_text())
    for workers in ("0", "1"):  # a worker process draws ahead of the steps
        sizes = results[workers]["sizes"]
        assert [row[0] for row in sizes] == [7, 4, 1] and [row[4] for row in sizes] == [1, 1, 1]
        assert results[workers]["apart"] < 1e-12
    assert [text.split(",")[0] for text in results["refused"]] == [
        "speeds must have one number above 0 per process (3)",
        "speeds must have one number above 0 per process (3)",
        "the loader must have a DistributedSampler and a batch size",
    ]


@pytest.mark.slow
def test_batches_are_assigned_once_and_the_slow_process_takes_fewer(ranks, tmp_path) -> None:
    ranks("coming.py", 2, str(tmp_path))
    results = json.loads((tmp_path / "results.json").read_text())
    for number in (0, 1):  # passes
        dealt = [batch for process in results["batches"] for batch in process[number]]
        assert sorted(row for batch in dealt for row in batch) == list(range(120)) and {len(b) for b in dealt} == {4}
    assert results["batches"][0][0][0] != results["batches"][0][1][0]  # each pass in an order of its own
    quick, slow = (sum(map(len, process)) for process in results["batches"])
    assert quick > 2 * slow > 0
    assert results["loss"][0] == results["loss"][1] < 0.5 * results["before"]  # one model, which learns
    assert results["waited"] < 0.5 * results["slow_seconds"]


@pytest.mark.slow
def test_steps_of_the_first_gradients_use_each_example_once(ranks, tmp_path) -> None:
    ranks("firsts.py", 3, str(tmp_path))
    results = json.loads((tmp_path / "results.json").read_text())
    rows, passes, together = 30, 3, 3
    steps = rows * passes - together + 1  # the first step is everybody's
    assert "wanted must be between 1 and 3, the number of processes, not 4" in results["said"][0]
    assert "an epoch must have at least 6 batches, two for each process, but it has 1" in results["said"][1]
    trained = results["how"]
    for how in trained.values():
        assert all(each == how["weight"][0] for each in how["weight"])  # they hold one model
        quick, slow = min(how["taken"][:2]), how["taken"][2]
        assert sum(how["taken"]) == rows * passes + sum(how["dropped"]) and slow < quick
    first = passes - 1 + 1 / together  # of the rows of the first step
    assert sorted(trained["alone"]["weight"][0], reverse=True) == pytest.approx([-first] * 3 + [-passes] * 27, abs=1e-5)
    assert all(-passes <= weight <= -passes / 2 + 1 / 6 + 1e-5 for weight in trained["two"]["weight"][0])
    for how, rule in (
        ("alone", torch.optim.SGD),
        ("momentum", partial(torch.optim.SGD, momentum=0.9)),
        ("adam", torch.optim.Adam),
    ):
        weight = torch.nn.Parameter(torch.zeros(1))
        optimizer = rule([weight], lr=1.0)
        for _ in range(steps):
            weight.grad = torch.ones(1)
            optimizer.step()
        assert trained[how]["steps"][0] == weight.item(), how  # whichever process made them
