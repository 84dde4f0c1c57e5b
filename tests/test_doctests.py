"""The examples in the docstrings run."""

import doctest
import importlib
import pkgutil

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.utils.data import DataLoader, TensorDataset

import descend.averaging
import descend.data
import descend.optim
import descend.schedules

PACKAGES = [descend.data, descend.optim, descend.schedules, descend.averaging]
MODULES = [
    info.name for package in PACKAGES for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_run(module, tmp_path):
    torch.manual_seed(0)
    x, y = torch.randn(8, 3), torch.randn(8, 2)
    model = nn.Linear(3, 2)
    known = {
        **{name: getattr(package, name) for package in PACKAGES for name in package.__all__},
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
        "loss": lambda model: mse_loss(model(x), y),
        "held_out_loss": lambda model: 1.0,
        "train_an_epoch": lambda model: None,
        "loss_fn": mse_loss,
        "cross_entropy": cross_entropy,
        "loader": [(x, torch.zeros(8, dtype=torch.long))],
        "dataset": TensorDataset(x, y),
        "labels": [0, 1, 1, 0, 2, 1, 0, 2],
        "difficulty": [0.1, 0.5, 0.2],
        "images": torch.rand(4, 1, 8, 8),
        "nn": nn,
        "DataLoader": DataLoader,
        "path": tmp_path / "run.pt",
        "x": x,
        "y": y,
    }
    loaded = importlib.import_module(module)
    for test in doctest.DocTestFinder().find(loaded, globs={**vars(loaded), **known}):
        assert doctest.DocTestRunner().run(test).failed == 0


def test_every_optimizer_has_an_example():
    kinds = [value for value in vars(descend.optim).values() if isinstance(value, type) and value.__doc__]
    assert {kind.__name__ for kind in kinds if ">>>" not in kind.__doc__} == {"Optimizer"}
