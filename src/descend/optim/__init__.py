"""Update rules, each written once as its paper writes it, as drop-in `torch.optim.Optimizer`s.

    optimizer = descend.optim.AdamW(model.parameters(), lr=1e-3)

A rule of one's own is a function and two lines:

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
from descend.optim.rules.adagrad import Adagrad
from descend.optim.rules.adam import Adam
from descend.optim.rules.adamax import Adamax
from descend.optim.rules.adamw import AdamW
from descend.optim.rules.add_sign import AddSign
from descend.optim.rules.delta_bar_delta import DeltaBarDelta
from descend.optim.rules.lamb import LAMB
from descend.optim.rules.lars import LARS
from descend.optim.rules.momentum import Momentum
from descend.optim.rules.nadam import NAdam
from descend.optim.rules.power_sign import PowerSign
from descend.optim.rules.rmsprop import RMSprop
from descend.optim.rules.rprop import Rprop
from descend.optim.rules.sgd import SGD
from descend.optim.sweep import Sweep
from descend.optim.vocabulary import cos, maximum, minimum, norm, sign, where
from descend.optim.yellowfin import YellowFin

__all__ = [
    "LAMB",
    "LARS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "AddSign",
    "DeltaBarDelta",
    "DiagonalNewton",
    "Momentum",
    "NAdam",
    "Nesterov",
    "NewtonCG",
    "Optimizer",
    "PowerSign",
    "QuantileClip",
    "RMSprop",
    "Rprop",
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
