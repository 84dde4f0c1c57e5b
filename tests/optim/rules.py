"""Every optimizer of `descend.optim` and its variants, for the contract tests."""

import pytest
import torch

from descend import optim

RULES = {
    "SGD": (optim.SGD, {"lr": 0.1}),
    "SGD momentum": (optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    "SGD nesterov": (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "Momentum": (optim.Momentum, {"lr": 0.1}),
    "Momentum average": (optim.Momentum, {"lr": 0.1, "form": "average"}),
    "Nesterov": (optim.Nesterov, {"lr": 0.1}),
    "Adagrad": (optim.Adagrad, {"lr": 0.1}),
    "Adagrad eps inside": (optim.Adagrad, {"lr": 0.1, "eps": 0.0, "eps_inside": 1e-6}),
    "Adadelta": (optim.Adadelta, {}),
    "RMSprop": (optim.RMSprop, {}),
    "RMSprop eps inside": (optim.RMSprop, {"eps": 0.0, "eps_inside": 1e-6, "bias_correction": True}),
    "RMSprop centered": (optim.RMSprop, {"centered": True, "momentum": 0.9}),
    "Adam": (optim.Adam, {"lr": 0.01}),
    "Adam uncorrected": (optim.Adam, {"lr": 0.01, "bias_correction": False}),
    "Adam amsgrad": (optim.Adam, {"lr": 0.01, "amsgrad": True}),
    "AdamW": (optim.AdamW, {"lr": 0.01}),
    "Adamax": (optim.Adamax, {}),
    "NAdam": (optim.NAdam, {}),
    "NAdam Dozat": (optim.NAdam, {"form": "dozat"}),
    "PowerSign": (optim.PowerSign, {"lr": 0.02}),
    "PowerSign fading": (optim.PowerSign, {"lr": 0.02, "f": 0.3}),
    "AddSign": (optim.AddSign, {"lr": 0.02}),
    "AddSign fading": (optim.AddSign, {"lr": 0.02, "f": 0.3}),
    "Rprop": (optim.Rprop, {}),
    "DeltaBarDelta": (optim.DeltaBarDelta, {}),
    "LARS": (optim.LARS, {"lr": 1.0, "trust": 0.1, "weight_decay": 0.01}),
    "LAMB": (optim.LAMB, {"lr": 0.01, "weight_decay": 0.01}),
    "Lion": (optim.Lion, {"lr": 0.01, "weight_decay": 0.01}),
    "YellowFin": (optim.YellowFin, {}),
    "Adafactor": (optim.Adafactor, {}),
    "Muon": (optim.Muon, {"lr": 0.01}),
    "SOAP": (optim.SOAP, {"precondition_frequency": 3}),
    "ScheduleFreeAdamW": (optim.ScheduleFreeAdamW, {"lr": 0.01, "weight_decay": 0.01, "warmup_steps": 3}),
    "SophiaG": (optim.SophiaG, {"lr": 0.01}),
}
FOR_MATRICES = {"Adafactor", "Muon", "SOAP"}  # these treat matrices as matrices, and no kernel updates them
EAGER_FOR_VECTORS = {"Adafactor"}
BY_NORMS = {"LARS", "LAMB", "YellowFin"} | FOR_MATRICES  # these look at whole tensors
IN_32_BITS = {"Adafactor"}  # the states of 16-bit parameters are float32
STEPS_WITHOUT_CURVATURE = pytest.mark.filterwarnings("ignore:SophiaG")  # these tests step SophiaG with gradients alone
FOR_FULL_BATCHES = {"Rprop", "DeltaBarDelta"}


def make(name: str, parameters, **more):
    """Return an optimizer of the rule."""
    kind, options = RULES[name]
    return kind(parameters, **{**options, **more})


def tensors(*shapes: tuple[int, ...], dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    """Return parameters with fixed random values."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(s, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for s in shapes]


def give_gradients(parameters, step: int) -> None:
    """Give every parameter the gradient of one step."""
    generator = torch.Generator().manual_seed(1000 + step)
    for p in parameters:
        width = torch.complex128 if p.is_complex() else torch.float64
        p.grad = torch.randn(p.shape, generator=generator, dtype=width).to(p.dtype)


def train(optimizer, parameters, steps: int, start: int = 0) -> None:
    """Take some steps, each with its own gradients."""
    for step in range(start, start + steps):
        give_gradients(parameters, step)
        optimizer.step()


def values(parameters) -> torch.Tensor:
    """Return all their elements in one."""
    return torch.cat([p.detach().reshape(-1) for p in parameters]).clone()


def difference(a, b) -> float:
    """Relative, in norm."""
    one, other = values(a), values(b)
    return float((one - other).norm() / other.norm())
