"""A graph over two real workers: one process's numbers, and each activation sent once per crossed edge."""

import json

import pytest

pytestmark = pytest.mark.slow
STEPS, FLOAT = 6, 4
ROWS = 3 * 8 + 3 * 7  # of all steps together


@pytest.fixture(scope="module")
def told(torchrun, tmp_path_factory):
    folder = tmp_path_factory.mktemp("columns")
    torchrun("columns.py", 2, str(folder))
    return json.loads((folder / "told.json").read_text())


@pytest.mark.parametrize("case", ["apart", "cross"])
def test_columns_on_two_workers_are_one_network(told, case) -> None:
    for worker in told[case]:
        assert worker["apart"] < 1e-6 and worker["inference"] < 1e-6
    left, right = (worker["layers"] for worker in told[case])
    assert left == ["left1", "left2", "left3", "top"] and right == ["right1", "right2", "right3"]


def test_what_crosses_is_sent_once_however_many_edges_it_takes(told) -> None:
    # the right column's mean goes to the top, the outputs come back; each has a gradient but the outputs' copy
    left, right = told["apart"]
    assert (left["tensors"], right["tensors"]) == (2 * STEPS, 2 * STEPS)
    assert left["bytes"] == ROWS * (4 + 10) * FLOAT and right["bytes"] == ROWS * (4 + 10) * FLOAT


def test_a_cross_connection_costs_its_maps_both_ways(told) -> None:
    for apart, cross in zip(told["apart"], told["cross"]):
        assert cross["bytes"] > apart["bytes"]


def test_layers_that_nobody_computes_are_named(told) -> None:
    assert told["nobody"] == "no worker is given for left2: name it, or what it is a part of"
    assert told["no such worker"] == "left1 is to be computed by worker 2, and there are 2"
