"""Update rules, each written once as its paper writes it, as drop-in `torch.optim.Optimizer`s.

    optimizer = descend.optim.AdamW(model.parameters(), lr=1e-3)

A rule of one's own is a function and two lines:

    def sign_descent(theta, g, t, *, lr):
        return (-lr * sign(g),)

    class SignDescent(Optimizer):
        rule = staticmethod(sign_descent)

    optimizer = SignDescent(model.parameters(), lr=1e-3)
"""

from descend.optim.optimizer import Optimizer
from descend.optim.rules.adadelta import Adadelta
from descend.optim.rules.adagrad import Adagrad
from descend.optim.rules.adam import Adam, AdamW
from descend.optim.rules.adamax import Adamax
from descend.optim.rules.rprop import Rprop
from descend.optim.rules.sgd import SGD
from descend.optim.vocabulary import maximum, minimum, sign, where

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Optimizer",
    "Rprop",
    "maximum",
    "minimum",
    "sign",
    "where",
]
