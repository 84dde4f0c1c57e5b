"""Hogwild! with real processes: no sparse update is lost, the model learns, and all processes end."""

import os
from pathlib import Path

import pytest
import shared_trainings as shared
import torch
from torch.multiprocessing import ProcessExitedException, ProcessRaisedException

from descend.parallel import hogwild


@pytest.mark.slow
def test_writes_to_separate_weights_are_all_kept() -> None:
    model = shared.Bag()
    hogwild(shared.count_up, model, 2, (5000,))
    assert model.weight[:2, 0].tolist() == [5000.0, 5000.0] and not model.weight[2:].any()


@pytest.mark.slow
def test_two_processes_learn_from_data_that_each_sees_only_in_part() -> None:
    model = shared.Bag()
    words, labels = shared.sentences(99, 2000)
    hogwild(shared.learn, model, 2, (600,))
    together = float(((model(words) > 0) == (labels > 0.5)).float().mean())
    alone = shared.Bag()
    shared.learn(0, alone, 600)
    half = float(((alone(words) > 0) == (labels > 0.5)).float().mean())
    assert together > half + 0.02 and together > 0.75


@pytest.mark.slow
@pytest.mark.parametrize(
    ("train", "error", "says"),
    [("fail", ProcessRaisedException, "rank 1 is ill"), ("die", ProcessExitedException, "SIGKILL")],
)
def test_a_failing_process_ends_the_others_and_reports_why(tmp_path, train, error, says) -> None:
    with pytest.raises(error, match=says):
        hogwild(getattr(shared, train), shared.Bag(), 2, (str(tmp_path),))
    pids = [int(name) for name in os.listdir(tmp_path)]
    assert pids and not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_invalid_arguments_are_rejected() -> None:
    with pytest.raises(ValueError, match="processes must be at least 1, not 0"):
        hogwild(shared.learn, shared.Bag(), 0)
    with pytest.raises(ValueError, match="processes can share only CPU memory, but the model is on meta"):
        hogwild(shared.learn, torch.nn.Linear(2, 1, device="meta"))
