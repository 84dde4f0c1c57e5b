"""The first three steps of every optimizer from θ = 1 with the gradients 1, −2, ½, calculated by hand.

Adam, say, with lr = 0.1, β₁ = ½, β₂ = ¾, ε = 0.01. First step: m = ½, v = ¼; corrected by 1 − ½ and 1 − ¾ both are 1;
θ = 1 − 0.1/1.01 = 0.900990. Second: m = ¼ − 1 = −¾, v = 3/16 + 1 = 19/16; corrected by ¾ and 7/16 they are −1 and 19/7;
θ = 0.900990 + 0.1/(√(19/7) + 0.01) = 0.961322.

NAdam of the paper with a momentum decay of ½. First step: µ₁ = ½·(1 − ½·√0.96) = 0.255051, µ₂ = ½·(1 − ½·0.96) = 0.26;
m = (1 − µ₁)·1 = 0.744949, n = ¼; m̂ = µ₂·m/(1 − µ₁µ₂) + (1 − µ₁)·1/(1 − µ₁) = 1.207443, n̂ = ¾·¼/(1 − ¾) = ¾;
θ = 1 − 0.1·1.207443/(√¾ + 0.01) = 0.862168.
"""

import pytest
import torch
from rules import RULES, STEPS_WITHOUT_CURVATURE

from descend import optim
from descend.schedules import CosineCycle, Linear, Scheduler, WarmRestarts

pytestmark = STEPS_WITHOUT_CURVATURE
BETAS = {"lr": 0.1, "betas": (0.5, 0.75), "eps": 0.01}
RMS = {"lr": 0.1, "alpha": 0.5, "eps": 0.01}
SIGNS = {"lr": 0.1, "beta": 0.75}
TABLE = [
    (optim.SGD, {"lr": 0.1}, [0.9, 1.1, 1.05]),
    (optim.SGD, {"lr": 0.1, "momentum": 0.5}, [0.9, 1.05, 1.075]),
    (optim.SGD, {"lr": 0.1, "momentum": 0.5, "nesterov": True}, [0.85, 1.125, 1.0875]),
    (optim.Momentum, {"lr": 0.1, "momentum": 0.5, "form": "velocity"}, [0.9, 1.05, 1.075]),
    (optim.Momentum, {"lr": 0.1, "momentum": 0.5, "form": "sum"}, [0.9, 1.05, 1.075]),
    (optim.Momentum, {"lr": 0.1, "momentum": 0.5, "form": "average"}, [0.95, 1.025, 1.0375]),
    (optim.Momentum, {"lr": 0.1, "momentum": 0.5, "form": "blend"}, [0.95, 1.025, 1.0375]),
    (optim.Nesterov, {"lr": 0.1, "momentum": 0.5}, [0.9, 1.05, 1.075]),  # given gradients: as if looked ahead to
    (optim.Adagrad, {"lr": 0.1, "eps": 0.01}, [0.90099009901, 0.990034599, 0.968307634225]),
    (
        optim.Adagrad,
        {"lr": 0.1, "eps": 0.0, "eps_inside": 0.01},
        [0.900496280979, 0.989849691301, 0.968048655291],
    ),
    (optim.Adadelta, {"rho": 0.5, "eps": 0.01}, [0.859971991597, 1.047191618285, 0.966979158474]),
    (optim.RMSprop, RMS, [0.860550753913, 0.993001085039, 0.948676179497]),
    (
        optim.RMSprop,
        {**RMS, "eps": 0.0, "eps_inside": 0.01},
        [0.859971991597, 0.993010012645, 0.948466472326],
    ),
    (optim.RMSprop, {**RMS, "bias_correction": True}, [0.90099009901, 1.015797313088, 0.974311407748]),
    (optim.RMSprop, {**RMS, "centered": True}, [0.803921568627, 0.956705509089, 0.912103443011]),
    (optim.RMSprop, {**RMS, "momentum": 0.5}, [0.860550753913, 0.923276461996, 0.910314410495]),
    (optim.Adam, BETAS, [0.90099009901, 0.961321598563, 0.972361587659]),
    (optim.Adam, {**BETAS, "bias_correction": False}, [0.901960784314, 0.970159668591, 0.982833538761]),
    (optim.Adam, {**BETAS, "amsgrad": True}, [0.90099009901, 0.961321598563, 0.971220256098]),
    (optim.Adam, {**BETAS, "weight_decay": 0.2}, [0.900826446281, 0.951838723443, 0.948266438523]),
    (optim.AdamW, {**BETAS, "weight_decay": 0.2}, [0.88099009901, 0.923701796583, 0.916267749747]),
    (optim.Adamax, BETAS, [0.90099009901, 0.950741342791, 0.960217770178]),
    (optim.NAdam, {**BETAS, "momentum_decay": 0.5}, [0.887204653989, 0.995035255122, 0.968737954476]),
    (optim.NAdam, {**BETAS, "momentum_decay": 0.5, "form": "dozat"}, [0.862168043532, 0.996626832010, 0.962630281357]),
    (optim.PowerSign, {**SIGNS, "base": 2}, [0.8, 1.2, 1.175]),
    (optim.AddSign, SIGNS, [0.8, 1.2, 1.2]),
    (optim.Lion, {"lr": 0.1, "betas": (0.5, 0.75)}, [0.9, 1.0, 0.9]),
    (optim.Lion, {"lr": 0.1, "betas": (0.5, 0.75), "weight_decay": 0.2}, [0.88, 0.9624, 0.843152]),
    (optim.Rprop, {"lr": 0.1}, [0.9, 0.9, 0.85]),
    (
        optim.DeltaBarDelta,
        {"lr": 0.1, "growth": 0.02, "shrinkage": 0.5, "decay": 0.75},
        [0.9, 1.0, 0.9875],
    ),
    (
        optim.LARS,
        {"lr": 0.1, "momentum": 0.5, "trust": 0.5, "weight_decay": 0.2},
        [0.95, 0.964257990868, 0.923174086758],
    ),
    (optim.LAMB, {**BETAS, "weight_decay": 0.2}, [0.9, 0.99, 0.891]),
    (optim.Adafactor, {"lr": 0.1}, [0.9, 0.99, 0.951991949175]),
    (
        optim.Muon,  # a vector: the steps of AdamW
        {"lr": 0.1, "adamw_betas": (0.5, 0.75), "adamw_eps": 0.01, "weight_decay": 0.2},
        [0.88099009901, 0.923701796583, 0.916267749747],
    ),
    (optim.SOAP, {**BETAS, "weight_decay": 0.2}, [0.88099009901, 0.923701796583, 0.916267749747]),
    (optim.ScheduleFreeAdamW, BETAS, [0.90099009901, 0.99148734834, 0.975782623709]),
    (
        optim.ScheduleFreeAdamW,
        {**BETAS, "weight_decay": 0.2, "warmup_steps": 2},
        [0.940495049505, 1.03216283781, 0.9938739843],
    ),
    # Without a curvature, each step is lr in the direction of the momentum's sign.
    (optim.SophiaG, {"lr": 0.1, "betas": (0.5, 0.75), "weight_decay": 0.0}, [0.9, 1.0, 1.1]),
    (optim.SophiaG, {"lr": 0.1, "betas": (0.5, 0.75), "weight_decay": 0.2}, [0.88, 0.9624, 1.043152]),
]


FADING = [
    (optim.PowerSign, Linear(4), [0.8, 1.136358566101, 1.101003227042]),
    (optim.PowerSign, CosineCycle(8), [0.8, 1.161389199555, 1.126033860496]),
    (optim.PowerSign, WarmRestarts(2), [0.8, 1.082842712475, 1.057842712475]),
    (optim.AddSign, Linear(4), [0.8, 1.15, 1.125]),
    (optim.AddSign, CosineCycle(8), [0.8, 1.170710678119, 1.145710678119]),
    (optim.AddSign, WarmRestarts(2), [0.8, 1.1, 1.1]),
]


def three_steps(make, options, **schedules):
    parameter = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer, taken = make([parameter], **options), []
    scheduler = Scheduler(optimizer, **schedules) if schedules else None
    for gradient in (1.0, -2.0, 0.5):
        parameter.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
        if scheduler:
            scheduler.step()
        taken.append(parameter.item())
    assert optimizer.engine == "native" or make is optim.Adafactor
    return taken


@pytest.mark.parametrize(("make", "options", "expected"), TABLE, ids=lambda v: getattr(v, "__name__", str(v)))
def test_the_first_three_steps_agree_with_the_equations(make, options, expected):
    assert three_steps(make, options) == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize(("make", "schedule", "expected"), FADING, ids=lambda v: getattr(v, "__name__", str(v)))
def test_the_first_three_steps_of_decaying_sign_optimizers_agree(make, schedule, expected):
    options = {**SIGNS, "base": 2} if make is optim.PowerSign else SIGNS
    assert three_steps(make, options, f=schedule) == pytest.approx(expected, abs=1e-11)


def test_every_optimizer_is_in_the_contract_tests():
    exported = [getattr(optim, name) for name in optim.__all__]
    rules = {kind for kind in exported if isinstance(kind, type) and issubclass(kind, optim.Optimizer)}
    assert rules - {optim.Optimizer} == {kind for kind, _ in RULES.values()}


def test_the_two_forms_of_nadam_differ_as_documented():
    """In the first step torch's form is 19 % shorter, and where the momentum has grown they agree but for √β₂."""
    lengths = {}
    for form in ("torch", "dozat"):
        parameter = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        optimizer, taken = optim.NAdam([parameter], lr=1.0, momentum_decay=0.1, form=form), [0.0]
        for _ in range(2000):
            parameter.grad = torch.ones(1, dtype=torch.float64)
            optimizer.step()
            taken.append(parameter.item())
        lengths[form] = (taken[1] - taken[0], taken[-1] - taken[-2])
    first = three_steps(optim.NAdam, {"lr": 1.0}), three_steps(optim.NAdam, {"lr": 1.0, "form": "dozat"})
    assert (1 - first[0][0]) / (1 - first[1][0]) == pytest.approx(1 - 0.19, abs=0.01)
    assert lengths["torch"][1] / lengths["dozat"][1] == pytest.approx(0.999**0.5, rel=1e-6)


def test_an_unknown_form_of_nadam_is_rejected():
    with pytest.raises(ValueError, match="form must be one of torch, dozat, not 'paper'"):
        optim.NAdam([torch.ones(1, requires_grad=True)], form="paper")
