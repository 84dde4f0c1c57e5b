"""Compute the paths of `descend.optim` optimizers on functions of two parameters, from textbooks or the user.

valley = surface("beale")
rules = with_rates(valley, chosen("SGD,Momentum,Adam"), steps=200)
for found in trajectories(valley, rules, valley.starts(7), steps=200):
    print(found.rule.text, found.rule.lr, found.cost[0, -1])
"""

from descend.trajectories.eigenvectors import Along, along_eigenvectors
from descend.trajectories.oscillator import Oscillator, differential_equations
from descend.trajectories.rates import read_rates, with_rates
from descend.trajectories.rules import RULES, Chosen, chosen
from descend.trajectories.surface import Surface
from descend.trajectories.surface_reader import surface
from descend.trajectories.textbook import TEXTBOOK
from descend.trajectories.trajectory import Trajectory, packed, trajectories

__all__ = [
    "RULES",
    "TEXTBOOK",
    "Along",
    "Chosen",
    "Oscillator",
    "Surface",
    "Trajectory",
    "along_eigenvectors",
    "chosen",
    "differential_equations",
    "packed",
    "read_rates",
    "surface",
    "trajectories",
    "with_rates",
]


def __dir__() -> list[str]:
    return __all__
