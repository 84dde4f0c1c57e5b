"""The examples in the docstrings run."""

import doctest
import importlib
import pkgutil

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

import descend.optim

MODULES = [info.name for info in pkgutil.walk_packages(descend.optim.__path__, "descend.optim.")]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_run(module):
    torch.manual_seed(0)
    x, y = torch.randn(8, 3), torch.randn(8, 2)
    known = {
        **{name: getattr(descend.optim, name) for name in descend.optim.__all__},
        "model": nn.Linear(3, 2),
        "loss": lambda model: mse_loss(model(x), y),
        "loss_fn": mse_loss,
        "cross_entropy": cross_entropy,
        "loader": [(x, torch.zeros(8, dtype=torch.long))],
        "x": x,
        "y": y,
    }
    loaded = importlib.import_module(module)
    for test in doctest.DocTestFinder().find(loaded, globs={**vars(loaded), **known}):
        assert doctest.DocTestRunner().run(test).failed == 0


def test_every_optimizer_has_an_example():
    kinds = [value for value in vars(descend.optim).values() if isinstance(value, type) and value.__doc__]
    assert {kind.__name__ for kind in kinds if ">>>" not in kind.__doc__} == {"Optimizer"}
