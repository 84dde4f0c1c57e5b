"""A model graph on two real workers gives the numbers of one process, and each activation is sent once."""

import json

import pytest

pytestmark = pytest.mark.slow
STEPS, FLOAT = 6, 4
ROWS = 3 * 8 + 3 * 7  # of all steps together


@pytest.fixture(scope="module")
def results(ranks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("columns")
    ranks("columns.py", 2, str(folder))
    return json.loads((folder / "results.json").read_text())


@pytest.mark.parametrize("case", ["apart", "cross"])
def test_columns_on_two_workers_agree_with_one_network(results, case) -> None:
    for worker in results[case]:
        assert worker["apart"] < 1e-6 and worker["inference"] < 1e-6
    left, right = (worker["layers"] for worker in results[case])
    assert left == ["left1", "left2", "left3", "top"] and right == ["right1", "right2", "right3"]


def test_an_activation_is_sent_once_however_many_edges_need_it(results) -> None:
    # the right column's mean goes to the top, the outputs come back; each has a gradient but the outputs' copy
    left, right = results["apart"]
    assert (left["tensors"], right["tensors"]) == (2 * STEPS, 2 * STEPS)
    assert left["bytes"] == ROWS * (4 + 10) * FLOAT and right["bytes"] == ROWS * (4 + 10) * FLOAT


def test_a_cross_connection_sends_its_maps_in_both_directions(results) -> None:
    for apart, cross in zip(results["apart"], results["cross"]):
        assert cross["bytes"] > apart["bytes"]


def test_layers_without_a_worker_are_named(results) -> None:
    assert results["no worker"] == "no worker is assigned to left2. Add this layer or its parent module to `workers`"
    assert results["no such worker"] == "left1 is assigned to worker 2, but the workers are 0 to 1"
