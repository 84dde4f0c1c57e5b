"""Momentum beside the differential equation that it discretises: a mass that slides down through a viscous medium."""

from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from descend.optim import Momentum, convert_lr
from descend.trajectories.rules import Chosen
from descend.trajectories.surface import Surface
from descend.trajectories.trajectory import Trajectory, seen

PARTS = 10  # of the time of one step of momentum, in each of which the equation is integrated


@dataclass(frozen=True)
class Oscillator:
    """θ'' + friction·θ' = −∇J: near a minimum damped oscillators, one for each eigenvalue (Qian 1999)."""

    friction: float
    time: float  # that passes in one step of momentum

    @classmethod
    def of(cls, lr: float, momentum: float) -> "Oscillator":
        """Return the equation whose differences are momentum's steps: lr = Δt²·μ and 1/μ = 1 + friction·Δt."""
        time = sqrt(lr / momentum)
        return cls((1 / momentum - 1) / time, time)

    def path(self, surface: Surface, starts: Tensor, steps: int) -> Tensor:
        """Return where it is after each step's time, from rest: (starts, steps + 1, 2), by Runge and Kutta's method."""
        h = self.time / PARTS
        state = torch.stack([starts, torch.zeros_like(starts)])
        path = [starts]
        for _ in range(steps):
            for _ in range(PARTS):
                a = self._slope(surface, state)
                b = self._slope(surface, state + h / 2 * a)
                c = self._slope(surface, state + h / 2 * b)
                d = self._slope(surface, state + h * c)
                state = state + h / 6 * (a + 2 * b + 2 * c + d)
            path.append(state[0])
        return torch.stack(path, 1)

    def _slope(self, surface: Surface, state: Tensor) -> Tensor:
        return torch.stack([state[1], -self.friction * state[1] - surface.gradient(state[0])])


def differential_equations(surface: Surface, rules: list[Chosen], starts: Tensor, steps: int) -> list[Trajectory]:
    """Return the path of the differential equation for each of the rules that is `Momentum`."""
    found = []
    for rule in rules:
        if rule.optimizer is not Momentum:
            continue
        [group] = rule.make([torch.zeros(2, requires_grad=True)]).param_groups
        if not 0 < group["momentum"] < 1:
            continue
        lr = convert_lr(group["lr"], group["momentum"], group["form"], "velocity")
        path = Oscillator.of(lr, group["momentum"]).path(surface, starts, steps)
        named = Chosen(f"differential equation of {rule.text}", rule.optimizer, rule.options, rule.how)
        found.append(seen(surface, named, path, is_equation=True))
    return found
