"""Warnings must look the same as in a run without `descend`."""

import inspect
import warnings

import pytest
import torch
import torch.nn.functional as F
from taping import new_tape, tape_step
from torch import Tensor, nn

Shown = list[warnings.WarningMessage]


def mismatched(net: nn.Module) -> Tensor:
    return F.mse_loss(net(torch.ones(3, 2)), torch.zeros(3))


def mismatched_in_a_module(net: nn.Module) -> Tensor:
    return nn.MSELoss()(net(torch.ones(3, 2)), torch.zeros(3))


def places(shown: Shown) -> list[tuple[str, int, str]]:
    return [(w.filename, w.lineno, str(w.message)) for w in shown]


@pytest.mark.parametrize("step", [mismatched, mismatched_in_a_module])
def test_a_warning_names_the_same_line_as_without_a_tape(step) -> None:
    net = nn.Linear(2, 1)
    with warnings.catch_warnings(record=True) as bare:
        warnings.simplefilter("always")
        step(net)
    with warnings.catch_warnings(record=True) as taped:
        warnings.simplefilter("always")
        tape = new_tape()
        tape.start()
        step(net)
        tape.pause()
    assert len(bare) == 1
    assert places(taped) == places(bare)


def test_a_warning_is_shown_once_with_and_without_a_tape() -> None:
    net = nn.Linear(2, 1)
    tape = new_tape()
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        tape.start()
        mismatched(net)
        tape.pause()
        mismatched(net)
        mismatched(net)
    assert len(shown) == 1
    assert shown[0].lineno == inspect.getsourcelines(mismatched)[1] + 1


def test_replays_show_no_warnings() -> None:
    net = nn.Linear(2, 1)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        taped = tape_step(lambda: mismatched(net), tuple(net.parameters()))
        given = len(shown)
        taped.recording.run({})
        taped.recording.loss(taped.parameters).gradient(taped.parameters)
    assert given == len(shown) == 1


def test_warnings_that_are_errors_are_raised() -> None:
    net, tape = nn.Linear(2, 1), new_tape()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tape.start()
        with pytest.raises(UserWarning, match="target size"):
            mismatched(net)
        tape.pause()


def test_the_scripts_own_showwarning_is_kept() -> None:
    seen: list[str] = []

    def show(message, category, filename, lineno, file=None, line=None) -> None:
        seen.append(str(message))

    net, tape, before = nn.Linear(2, 1), new_tape(), warnings.showwarning
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        tape.start()
        mismatched(net)
        warnings.warn("my own", stacklevel=1)
        tape.pause()
        assert warnings.showwarning is show
    assert warnings.showwarning is before
    assert len(seen) == 2 and seen[1] == "my own"
