"""Record a step as the script makes it, and compute the script's own loss and gradient in the same step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from descend.doctor.tape import NotReplayable, Origin, Recording, Tape
from descend.doctor.tape.vocabulary import INTERESTING


@dataclass(frozen=True)
class Taped:
    recording: Recording
    loss: Tensor
    parameters: tuple[Tensor, ...]
    gradients: tuple[Tensor, ...]


def new_tape() -> Tape:
    return Tape(INTERESTING, lambda frame: Origin(None, None))


def tape_step(step: Callable[[], Tensor], parameters: Sequence[Tensor]) -> Taped:
    """Run `step` under a tape, finalise it at the returned loss, and compute the script's own gradient."""
    tape = new_tape()
    tape.trains = lambda leaf: any(leaf is p for p in parameters)
    tape.start()
    try:
        loss = step()
        recording = tape.finalise(loss)
    finally:
        tape.pause()
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    found = tuple(torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients))
    return Taped(recording, loss.detach().clone(), tuple(parameters), found)


def assert_faithful(taped: Taped, tolerance: float = 0.0) -> None:
    """The replay gives the script's loss and gradient, twice."""
    for _ in range(2):
        again = taped.recording.loss(taped.parameters)
        assert again.value(taped.parameters) == pytest.approx(float(taped.loss), rel=tolerance, abs=tolerance)
        for ours, theirs in zip(again.gradient(taped.parameters), taped.gradients, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


def assert_refused(step: Callable[[], Tensor], reason: str) -> None:
    tape = new_tape()
    tape.start()
    try:
        loss = step()
        with pytest.raises(NotReplayable, match=reason):
            tape.finalise(loss)
    finally:
        tape.pause()
