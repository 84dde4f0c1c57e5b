"""The path of a run: at which steps its weights are kept."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from descend.doctor.measure import Unavailable
from descend.doctor.measure.shown import path as following
from descend.doctor.measure.shown.path import MOST, Path


def snapshot(step: int, *, is_last: bool = False, shape: tuple[int, ...] = (3,)) -> Any:
    return SimpleNamespace(step=step, is_last=is_last, parameters=(torch.full(shape, float(step)),))


@pytest.mark.parametrize("steps", [1, 10, MOST, 1000])
@pytest.mark.parametrize("always", [None, 7])
def test_kept_steps_are_evenly_spaced_with_both_ends_and_the_requested_step(steps: int, always: int | None) -> None:
    path = Path(always)
    for step in range(steps):
        path.keep_weights(snapshot(step))
        path.keep_weights(snapshot(step))  # the same weights again
    path.keep_weights(snapshot(steps, is_last=True))
    assert path.steps[0] == 0 and path.steps[-1] == steps and len(path.steps) <= MOST + 1
    assert len(path.steps) > min(steps, MOST // 2) and path.steps == sorted(set(path.steps))
    spaced = [step for step in path.steps if step not in (always, steps)]
    assert all(step % path.stride == 0 for step in spaced)
    assert always is None or always in path.steps or steps < always
    assert [float(weights[0][0]) for weights in path.weights] == path.steps


def test_kept_weights_do_not_change_with_the_run() -> None:
    path, here = Path(None), snapshot(0)
    path.keep_weights(here)
    here.parameters[0].add_(5)
    assert float(path.weights[0][0][0]) == 0.0


def test_a_new_set_of_parameters_begins_a_new_path() -> None:
    path = Path(None)
    path.keep_weights(snapshot(0))
    path.keep_weights(snapshot(1, shape=(2, 2)))
    assert path.steps == [1]


def test_a_path_that_takes_too_much_memory_is_refused_with_the_amount(monkeypatch) -> None:
    monkeypatch.setattr(following, "ROOM_BYTES", 2**20)
    with pytest.raises(Unavailable, match=r"4 points of the path would take 0\.0 GiB"):
        Path(None).keep_weights(snapshot(0, shape=(2**17,)))
