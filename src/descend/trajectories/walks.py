"""Step optimizers from many starts at once.

An optimizer of `descend.optim` has one update rule. An elementwise rule is called on all rows together, with one row
for each start and each set of options; another rule is mapped over the rows with vmap. An optimizer that sets its own
learning rate, or uses second derivatives, is created once for every row.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.func import vmap

from descend.optim import DiagonalNewton, Nesterov, NewtonCG, Optimizer
from descend.optim.engines.symbols import trace
from descend.optim.rule import Rule
from descend.optim.second_order import SecondOrder
from descend.trajectories.rules import Chosen
from descend.trajectories.surface import Surface

Hyper = Mapping[str, Any]


class Walk(Protocol):
    """One or more optimizers that take their steps together, each from every starting point.

    `theta` ``(rows, 2)`` contains their current positions, one row for each optimizer and starting point.
    """

    theta: Tensor

    def gradient_points(self) -> Tensor:
        """Return the points ``(rows, 2)`` at which the optimizers need the gradient for their next step."""
        ...

    def step(self, gradient: Tensor, noise: Tensor) -> None:
        """Take one step in all rows, with a gradient ``(rows, 2)`` that already includes the noise ``(2,)``."""
        ...


def group_into_walks(
    surface: Surface, rules: Sequence[Chosen], starts: Tensor, seed: int
) -> list[tuple[Walk, list[int]]]:
    """Group the optimizers that can step together. Return each group as a `Walk`, with its optimizers' indices."""
    alike: dict[Any, list[int]] = {}
    for place, rule in enumerate(rules):
        alike.setdefault(_group_key(rule) or place, []).append(place)
    found: list[tuple[Walk, list[int]]] = []
    for key, places in alike.items():
        same = [rules[place] for place in places]
        if isinstance(key, int):
            found.append((SeparateWalk(surface, same[0], starts, seed), places))
        else:
            found.append((SharedWalk(same, starts), places))
    return found


def _group_key(rule: Chosen) -> tuple[type, Rule] | None:
    """Return a key that is equal for optimizers that can step together; None for an optimizer that must step alone."""
    if not issubclass(rule.optimizer, Optimizer) or rule.optimizer.update_statistics is not Optimizer.update_statistics:
        return None
    made = rule.construct([torch.zeros(2, dtype=torch.float64, requires_grad=True)])
    return rule.optimizer, made.complete_rule(_hyperparameters(made))


def _hyperparameters(optimizer: Optimizer) -> Mapping[str, Any]:
    """Return an optimizer's hyper-parameters for a vector of weights, which is a point of the surface."""
    [(hyper, _)] = optimizer.split_group(optimizer.param_groups[0])
    return hyper


class SharedWalk:
    """Optimizers with the same update rule: the rows contain all starts for the first optimizer, then for the next."""

    def __init__(self, rules: Sequence[Chosen], starts: Tensor) -> None:
        made = [rule.construct([torch.zeros(2, dtype=torch.float64, requires_grad=True)]) for rule in rules]
        self.rule: Rule = made[0].complete_rule(_hyperparameters(made[0]))
        hyper = [m.rule_arguments(self.rule, _hyperparameters(m)) for m in made]
        self.size, self.t = len(starts), 0
        self.theta = starts.repeat(len(rules), 1)
        self.hyper = {name: self._hyperparameter_column([h[name] for h in hyper]) for name in self.rule.hyper}
        self.state = {name: self._initial_state(name, hyper) for name in self.rule.state}
        self.looks_ahead = issubclass(rules[0].optimizer, Nesterov)
        self.function = self.rule.function if trace(self.rule).is_elementwise else self._call_rule_by_row

    def gradient_points(self) -> Tensor:
        """Return the points ``(rows, 2)`` at which the next gradient is evaluated.

        They are the current positions, which Nesterov moves ahead along the velocity.
        """
        return self.theta - self.hyper["momentum"] * self.state["v"] if self.looks_ahead else self.theta

    def step(self, gradient: Tensor, noise: Tensor) -> None:
        """Take one optimizer step in all rows, with the gradient ``(rows, 2)``."""
        self.t += 1
        change, *new = self.function(self.theta, gradient, self.t, *self.state.values(), **self.hyper)
        self.theta = self.theta + change
        self.state = dict(zip(self.rule.state, new, strict=True))

    def _call_rule_by_row(self, theta: Tensor, g: Tensor, t: int, *state: Any, **hyper: Any) -> Any:
        """Call the update rule on each row separately, with vmap; return the changes and the new states of all rows."""
        columns = {name: value for name, value in hyper.items() if isinstance(value, Tensor)}
        shared = {name: value for name, value in hyper.items() if name not in columns}

        def call_rule(theta: Tensor, g: Tensor, state: Any, columns: Any) -> Any:
            """Return the change and the new states that the update rule computes for a single row."""
            return self.rule.function(theta, g, t, *state, **columns, **shared)

        return vmap(call_rule)(theta, g, state, columns)

    def _hyperparameter_column(self, values: Sequence[Any]) -> Any:
        """Return a hyper-parameter as one number if all optimizers use the same value, otherwise as ``(rows, 1)``."""
        if all(value == values[0] for value in values):
            return values[0]
        return torch.tensor(values, dtype=torch.float64).repeat_interleave(self.size).unsqueeze(1)

    def _initial_state(self, name: str, hyper: Sequence[Hyper]) -> Any:
        """Return the initial value of the optimizer state called `name`, for the optimizers of all rows."""
        if callable(start := self.rule.state[name]):
            return start(self.theta, hyper[0])
        first = self._hyperparameter_column([self.rule.initial_value(name, h, self.theta) for h in hyper])
        return first if name in trace(self.rule).numbers else torch.zeros_like(self.theta) + first


class SeparateWalk:
    """An optimizer that cannot share steps with others. Unless it is elementwise, each start has its own instance."""

    def __init__(self, surface: Surface, rule: Chosen, starts: Tensor, seed: int) -> None:
        self.surface, self.seed, self.t = surface, seed, 0
        blocks = (starts,) if rule.optimizer is DiagonalNewton else starts.split(1)
        self.blocks = [block.clone().requires_grad_() for block in blocks]
        self.optimizers = [rule.construct([block]) for block in self.blocks]
        self.is_second_order = issubclass(rule.optimizer, SecondOrder)
        self.has_settled = [False] * len(blocks)
        self.theta = starts.clone()

    def gradient_points(self) -> Tensor:
        """Return the points ``(rows, 2)`` at which the next gradient is evaluated.

        They are the current positions of the optimizer: one row for each start.
        """
        return self.theta

    def step(self, gradient: Tensor, noise: Tensor) -> None:
        """Take one optimizer step in all rows that have not diverged, with the gradient ``(rows, 2)``."""
        self.t += 1
        left = self.surface.has_left(self.theta) | ~torch.isfinite(gradient).all(-1)
        size = len(self.blocks[0])
        for k, (block, slope, gone) in enumerate(zip(self.blocks, gradient.split(size), left.split(size))):
            if bool(gone.all()) or self.has_settled[k]:
                continue
            if self.is_second_order:
                self._second_order_step(k, noise)
            else:
                block.grad = slope.clone()
                self.optimizers[k].step()
        self.theta = torch.cat([block.detach() for block in self.blocks])

    def _second_order_step(self, k: int, noise: Tensor) -> None:
        """Take one step of second-order optimizer number `k`, which computes the surface's derivatives itself."""
        block, optimizer = self.blocks[k], self.optimizers[k]
        before = block.detach().clone()
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(self.seed + self.t)  # The random vectors depend only on the seed and the step.
            optimizer.step(lambda: (self.surface.function(*block.unbind(-1)) + (noise * block).sum(-1)).sum())
        # NewtonCG has no state and no randomness. Without noise, a row that does not move in one step will never move.
        is_still = isinstance(optimizer, NewtonCG) and not bool(noise.any())
        self.has_settled[k] = is_still and torch.equal(before, block.detach())
