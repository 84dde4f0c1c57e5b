"""Optimizers that replace those of `torch.optim`; each update rule is written once, as in its paper.

    optimizer = descend.optim.AdamW(model.parameters(), lr=1e-3)

To add an optimizer, write its update rule as a function and name it in a subclass:

    def sign_descent(theta, g, t, *, lr):
        return (-lr * sign(g),)

    class SignDescent(Optimizer):
        rule = staticmethod(sign_descent)

    optimizer = SignDescent(model.parameters(), lr=1e-3)
"""

from descend.optim.clipping import QuantileClip, clip_unit_norm_
from descend.optim.diagonal import DiagonalNewton
from descend.optim.forms import convert_lr
from descend.optim.layer_rates import fine_tuning_groups, layer_rates
from descend.optim.nesterov import Nesterov
from descend.optim.newton import NewtonCG
from descend.optim.noise import gradient_noise_
from descend.optim.optimizer import Optimizer
from descend.optim.rules.adadelta import Adadelta
from descend.optim.rules.adafactor import Adafactor
from descend.optim.rules.adagrad import Adagrad
from descend.optim.rules.adam import Adam
from descend.optim.rules.adamax import Adamax
from descend.optim.rules.adamw import AdamW
from descend.optim.rules.add_sign import AddSign
from descend.optim.rules.delta_bar_delta import DeltaBarDelta
from descend.optim.rules.lamb import LAMB
from descend.optim.rules.lars import LARS
from descend.optim.rules.lion import Lion
from descend.optim.rules.momentum import Momentum
from descend.optim.rules.muon import Muon
from descend.optim.rules.nadam import NAdam
from descend.optim.rules.power_sign import PowerSign
from descend.optim.rules.rmsprop import RMSprop
from descend.optim.rules.rprop import Rprop
from descend.optim.rules.schedule_free import ScheduleFreeAdamW
from descend.optim.rules.sgd import SGD
from descend.optim.rules.soap import SOAP
from descend.optim.rules.sophia import SophiaG
from descend.optim.sweep import Sweep
from descend.optim.vocabulary import cos, maximum, minimum, norm, sign, where
from descend.optim.yellowfin import YellowFin

__all__ = [
    "LAMB",
    "LARS",
    "SGD",
    "SOAP",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "AddSign",
    "DeltaBarDelta",
    "DiagonalNewton",
    "Lion",
    "Momentum",
    "Muon",
    "NAdam",
    "Nesterov",
    "NewtonCG",
    "Optimizer",
    "PowerSign",
    "QuantileClip",
    "RMSprop",
    "Rprop",
    "ScheduleFreeAdamW",
    "SophiaG",
    "Sweep",
    "YellowFin",
    "clip_unit_norm_",
    "convert_lr",
    "cos",
    "fine_tuning_groups",
    "gradient_noise_",
    "layer_rates",
    "maximum",
    "minimum",
    "norm",
    "sign",
    "where",
]


def __dir__() -> list[str]:
    return __all__
