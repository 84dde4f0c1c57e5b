"""Our optimizers against optax, with the numbers that optax_reference.py has written."""

import json
from pathlib import Path

import pytest
import torch

from descend import optim

REFERENCE = json.loads(Path(__file__).with_name("optax_reference.json").read_text())
TOLERANCE = {"float32": 1e-6, "float64": 1e-12}
ROUNDED = {("adamw", "float32"): 1e-5}  # 1 − lr·weight_decay is rounded, as torch rounds it; optax has no such factor
OURS = {
    "sgd": (optim.SGD, {"lr": 0.01}),
    "momentum": (optim.SGD, {"lr": 0.01, "momentum": 0.9}),
    "nesterov": (optim.SGD, {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    "adagrad": (optim.Adagrad, {"lr": 0.01, "initial_accumulator_value": 0.1, "eps": 0.0, "eps_inside": 1e-7}),
    "adadelta": (optim.Adadelta, {"lr": 1.0, "rho": 0.9, "eps": 1e-6}),
    "rmsprop": (optim.RMSprop, {"lr": 0.001, "alpha": 0.9, "eps": 1e-8}),
    "rmsprop_eps_inside": (optim.RMSprop, {"lr": 0.001, "alpha": 0.9, "eps": 0.0, "eps_inside": 1e-6}),
    "rmsprop_corrected": (optim.RMSprop, {"lr": 0.001, "alpha": 0.9, "eps": 1e-8, "bias_correction": True}),
    "rmsprop_centered": (optim.RMSprop, {"lr": 0.001, "alpha": 0.9, "eps": 1e-8, "centered": True}),
    "adam": (optim.Adam, {"lr": 0.001}),
    "adamw": (optim.AdamW, {"lr": 0.001, "weight_decay": 0.01}),
    "adamax": (optim.Adamax, {"lr": 0.002}),
    "lars": (optim.LARS, {"lr": 0.1, "trust": 0.001}),
    "lamb": (optim.LAMB, {"lr": 0.001, "eps": 1e-6, "weight_decay": 0.01}),
}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", OURS)
def test_five_hundred_steps_agree_with_optax(name, dtype):
    expected = torch.tensor(REFERENCE["parameters"][name][dtype], dtype=torch.float64)
    index = torch.arange(len(expected))
    parameter = ((index.double() - 8) / 8).to(getattr(torch, dtype)).requires_grad_()
    make, options = OURS[name]
    optimizer = make([parameter], **options)
    for step in range(REFERENCE["steps"]):
        parameter.grad = (((37 * step + 101 * index) % 199).double() / 99.5 - 1).to(parameter.dtype)
        optimizer.step()
    distance = (parameter.detach().double() - expected).norm() / expected.norm()
    assert distance <= ROUNDED.get((name, dtype), TOLERANCE[dtype])
