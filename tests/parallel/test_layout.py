"""Layouts in real groups of processes: the same weights as one process, whatever the split; and what they refuse."""

import json
import re
import socket

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from descend.parallel import Layout, group
from descend.parallel.layers import split_plan
from descend.parallel.shares import with_shares
from descend.parallel.stages import cut_points, find_balanced_cuts

ROUND_OFF = 1e-11
LAYOUTS = ["data=4", "tensor=4", "pipeline=4", "data=2, tensor=2", "data=2, pipeline=2"]


@pytest.fixture(scope="module")
def results(ranks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("equal")
    ranks("equal.py", 4, str(folder))
    return json.loads((folder / "results.json").read_text())


@pytest.fixture
def group_of_one():
    yield
    if dist.is_initialized():
        dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_split_model_agrees_with_one_process_up_to_rounding(results, layout) -> None:
    weights, evaluated = results[layout]
    assert 0 < weights < ROUND_OFF and evaluated < ROUND_OFF


@pytest.mark.slow
def test_a_checkpoint_can_be_resumed_in_any_other_layout(results) -> None:
    assert results["resumed"] < ROUND_OFF


@pytest.mark.slow
def test_evaluation_mode_switches_off_the_dropout_of_a_pipeline(results) -> None:
    assert results["dropout in evaluation"] == 0


@pytest.fixture(scope="module")
def wrong(ranks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wrong")
    ended = ranks("wrong.py", 2, str(folder), check=False)
    return {**json.loads((folder / "results.json").read_text()), "status": ended.returncode, "nan": ended.stderr}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("world", "needs 3 processes, but 2 were started. Start it with torchrun --nproc-per-node 3"),
        (
            "models",
            r"models: 0.weight is float32 of shape \(4, 8\) in process 1 and float32 of shape \(4, 9\) in process 0",
        ),
        ("nan", "the loss of process 1 was NaN at step 2"),
        ("uneven", "a batch of size 1 cannot be split over 2 replicas. Use drop_last=True"),
        (
            "pipeline",
            "must have the same size, but the first had 8 examples and this one has 1. Use drop_last=True",
        ),
        (
            "awaited",
            "in training mode, a pipeline's outputs exist only in its last process, so 'argmax' is not available",
        ),
        ("functional", "the model calls .*dropout.* as a function, which a pipeline cannot switch off"),
    ],
)
def test_errors_of_a_layout_are_named(wrong, case, says) -> None:
    assert re.search(says, wrong[case]) and wrong["status"] == 1


@pytest.mark.slow
def test_a_waiting_process_names_the_process_that_hangs(ranks, tmp_path) -> None:
    ranks("hanging.py", 2, str(tmp_path))
    waits, hangs = json.loads((tmp_path / "results.json").read_text())
    assert len(waits) == 1 and "s for process 1, because of a hang" in waits[0] and not hangs


@pytest.mark.slow
def test_a_program_can_exit_while_its_progress_is_published(ranks) -> None:
    ranks("ending.py", 3)  # raises where a process was aborted


@pytest.mark.slow
def test_a_port_that_is_in_use_is_named(monkeypatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(ConnectionError, match=f"port {port} of 127.0.0.1 is in use. Choose another --master-port"):
            group.join()


def loader(rows: int = 20, **options) -> DataLoader:
    return DataLoader(TensorDataset(torch.arange(rows)), **{"batch_size": 8, "shuffle": True, **options})


def drawn(replicas: int, whole: bool, passes: int = 1, rows: int = 20) -> list[list[list[int]]]:
    loaders = [with_shares(loader(rows), k, replicas, whole=whole, seed=5) for k in range(replicas)]
    return [[x.tolist() for _ in range(passes) for (x,) in one] for one in loaders]


@pytest.mark.slow
def test_a_run_with_a_killed_rank_resumes_with_the_same_result(torchrun, tmp_path, attempt) -> None:
    results = []
    for name, killed in (("lived", -1), ("killed", 1 + attempt % 5)):
        (tmp_path / name).mkdir()
        torchrun("restarting.py", 2, str(tmp_path / name), str(killed), restarts=1)
        results.append(torch.load(tmp_path / name / "results.pt"))
    lived, killed = results
    assert (lived["starts"], killed["starts"]) == ("0", "1")
    assert all(torch.equal(a, b) for a, b in zip(lived["weights"], killed["weights"]))


@pytest.mark.parametrize("replicas", [1, 2, 3, 4])
def test_the_shares_of_a_batch_make_up_the_batch(replicas) -> None:
    alone = drawn(1, False)[0]
    parts = drawn(replicas, False)
    for batch, *shares in zip(alone, *parts, strict=True):
        assert sorted(batch) == sorted(row for share in shares for row in share)
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_whole_batches_are_assigned_once_in_a_new_order_per_epoch() -> None:
    first, second = drawn(2, True, rows=32)
    assert sorted(sum(first + second, [])) == list(range(32)) and {len(b) for b in first + second} == {8}
    once, twice = drawn(1, True), drawn(1, True, passes=2)
    assert twice[0][: len(once[0])] == once[0] and twice[0][len(once[0]) :] != once[0]


def test_the_weights_of_uneven_shares_add_up_to_the_mean() -> None:
    one = [with_shares(loader(11, batch_size=11), k, 4, whole=False, seed=0) for k in range(4)]
    sizes = [len(next(iter(loader))[0]) for loader in one]
    weights = [loader.batch_sampler.take_weight() for loader in one]
    assert sizes == [3, 3, 3, 2] and weights == pytest.approx([12 / 11] * 3 + [8 / 11])


def test_a_loader_of_a_stream_is_rejected() -> None:
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(range(3))

    with pytest.raises(ValueError, match="of an iterable dataset, cannot be divided"):
        with_shares(DataLoader(Stream()), 0, 2, whole=False, seed=0)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"data": 0}, "data must be at least 1, not 0"),
        (
            {"scheme": "gossip"},
            "scheme must be one of synchronous, hogwild, downpour, delay_tolerant, elastic, backup, not",
        ),
        ({"tensor": 2, "pipeline": 2}, "but not both"),
        ({"data": 2, "backups": 2, "scheme": "backup"}, "backups must be fewer than the 2 replicas, not 2"),
        ({"tensor": 2, "scheme": "downpour"}, "each replica of 'downpour' is a whole model"),
    ],
)
def test_an_impossible_layout_is_rejected(given, says) -> None:
    with pytest.raises(ValueError, match=says):
        Layout(**given)


def test_without_torchrun_a_layout_of_one_process_does_not_change_the_training(group_of_one) -> None:
    model, data = nn.Linear(3, 2), DataLoader(TensorDataset(torch.randn(8, 3), torch.arange(8) % 2), batch_size=4)
    spread = Layout().spread(model, data, lambda p: torch.optim.SGD(p, lr=0.1), nn.functional.cross_entropy)
    assert spread.model is model
    before = model.weight.detach().clone()
    for x, y in spread.loader:
        spread.optimizer.zero_grad()
        spread.loss_fn(spread.model(x), y).backward()
        spread.optimizer.step()
    assert not torch.equal(model.weight, before)


def test_two_linear_layers_with_a_function_between_them_are_split_as_a_pair() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.Flatten(), nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 4), nn.Linear(4, 3)
    )
    plan = {name: type(style).__name__ for name, style in split_plan(model, 2).items()}
    assert plan == {"0": "FilterwiseParallel", "2": "ColwiseParallel", "4": "RowwiseParallel"}


@pytest.mark.parametrize(
    ("costs", "stages", "cuts"),
    [([1, 1, 1, 3], 2, [3]), ([5, 1, 1, 1], 2, [1]), ([1, 2, 3], 3, [1, 2]), ([4], 1, [])],
)
def test_the_costliest_stage_costs_as_little_as_possible(costs, stages, cuts) -> None:
    assert find_balanced_cuts(costs, stages) == cuts


def test_a_model_is_divided_into_stages_by_its_operations() -> None:
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)).train()
    assert cut_points(model, (torch.zeros(4, 8),), 2) == ["2"] and model.training
    with pytest.raises(ValueError, match="3 layers cannot be divided into 4 stages"):
        cut_points(model, (torch.zeros(4, 8),), 4)


def test_each_stage_has_a_trainable_layer() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(8, 9), nn.Tanh(), nn.ReLU(), nn.Linear(9, 4), nn.Linear(4, 2))
    assert cut_points(model, (torch.zeros(4, 8),), 3) == ["4", "5"]
    model[1].requires_grad_(False)
    assert cut_points(model, (torch.zeros(4, 8),), 2) == ["5"]
