"""Solve the differential equation that momentum discretises: a mass that slides down through a viscous medium."""

from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from descend.optim import Momentum, convert_lr
from descend.trajectories.rules import Chosen
from descend.trajectories.surface import Surface
from descend.trajectories.trajectory import Trajectory, make_trajectory

PARTS = 10  # number of Runge–Kutta steps for one optimizer step


@dataclass(frozen=True)
class Oscillator:
    """The differential equation θ'' + friction·θ' = −∇J. Near a minimum, it is a damped oscillator (Qian 1999).

    Parameters
    ----------
    friction : float
        The coefficient of friction.
    time : float
        The time Δt that passes in one optimizer step.
    """

    friction: float
    time: float  # time Δt that passes in one optimizer step

    @classmethod
    def from_sgd(cls, lr: float, momentum: float) -> "Oscillator":
        """Return the equation that SGD with learning rate `lr` and momentum μ discretises with time step Δt = √(lr/μ).

        The friction follows from 1/μ = 1 + friction·Δt.
        """
        time = sqrt(lr / momentum)
        return cls((1 / momentum - 1) / time, time)

    def path(self, surface: Surface, starts: Tensor, steps: int) -> Tensor:
        """Solve the equation by a Runge–Kutta method; return the positions after the time of each optimizer step.

        The motion starts from rest. starts: ``(starts, 2)``. The result is ``(starts, steps + 1, 2)``.
        """
        h = self.time / PARTS
        state = torch.stack([starts, torch.zeros_like(starts)])
        path = [starts]
        for _ in range(steps):
            for _ in range(PARTS):
                a = self._time_derivatives(surface, state)
                b = self._time_derivatives(surface, state + h / 2 * a)
                c = self._time_derivatives(surface, state + h / 2 * b)
                d = self._time_derivatives(surface, state + h * c)
                state = state + h / 6 * (a + 2 * b + 2 * c + d)
            path.append(state[0])
        return torch.stack(path, 1)

    def _time_derivatives(self, surface: Surface, state: Tensor) -> Tensor:
        """Return the time derivatives of positions and velocities, stacked as ``(2, starts, 2)``."""
        return torch.stack([state[1], -self.friction * state[1] - surface.gradient(state[0])])


def differential_equations(surface: Surface, rules: list[Chosen], starts: Tensor, steps: int) -> list[Trajectory]:
    """Return the path of the differential equation that each `Momentum` optimizer discretises.

    Optimizers of other classes, or without momentum between 0 and 1, are left out.

    Parameters
    ----------
    surface : Surface
        The surface.
    rules : list of Chosen
        The optimizers.
    starts : torch.Tensor
        The starting points, of shape ``(starts, 2)``.
    steps : int
        The number of optimizer steps.

    Returns
    -------
    list of Trajectory
        The paths.
    """
    found = []
    for rule in rules:
        if rule.optimizer is not Momentum:
            continue
        [group] = rule.construct([torch.zeros(2, requires_grad=True)]).param_groups
        if not 0 < group["momentum"] < 1:
            continue
        lr = convert_lr(group["lr"], group["momentum"], group["form"], "velocity")
        path = Oscillator.from_sgd(lr, group["momentum"]).path(surface, starts, steps)
        named = Chosen(f"differential equation of {rule.text}", rule.optimizer, rule.options, rule.how)
        found.append(make_trajectory(surface, named, path, is_equation=True))
    return found
