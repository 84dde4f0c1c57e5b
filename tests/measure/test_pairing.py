from dataclasses import replace

import torch
from moments import Training, kept
from torch import nn

from descend.doctor.measure.pairing import pairing
from descend.doctor.record import facts

torch.manual_seed(0)
X, Y = torch.randn(20, 4), torch.randn(20, 1)
NET = nn.Linear(4, 1)


def seen(**loaders: str) -> facts.Pairing | None:
    """Return the fact if inputs, targets or example weights come from these loaders."""
    weights = torch.rand(20, 1)
    training = Training(NET, [lambda: nn.functional.mse_loss(NET(X * weights.clamp_min(0.1)), Y + 1)])
    given = {"inputs": X, "targets": Y, "weights": weights}
    recording = training.monitor[0]
    numbers = {
        slot: loaders[name]
        for slot, tensor in recording.data.items()
        for name in loaders
        if tensor.shape == given[name].shape and torch.equal(tensor, given[name])
    }
    training.monitor = (replace(recording, loaders=numbers),)
    return kept(pairing(training.snapshot())).fact(facts.Pairing)


def test_inputs_and_targets_from_different_loaders_are_reported() -> None:
    assert seen(inputs="0", targets="1") == facts.Pairing(("0",), ("1",))
    assert seen(inputs="0", weights="2", targets="1") == facts.Pairing(("0", "2"), ("1",))


def test_pairs_from_one_loader() -> None:
    assert not seen(inputs="0", targets="0")
    assert not seen(inputs="0", weights="1", targets="1")
    assert not seen(inputs="0")  # the targets do not come from a loader
    assert not seen()
