"""How a rule steps from many starts at once.

A rule of `descend.optim` is one function. Elementwise, it is called on all rows together, one row for each start and
each set of options; with norms in it, it is mapped over the rows. What measures its own rate, or differentiates twice,
is the optimizer itself, once for every row.
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
    """Rows that step together: `theta` (rows, 2), in float64."""

    theta: Tensor

    def asks(self) -> Tensor:
        """Return the points at which the next step needs the gradient, (rows, 2)."""
        ...

    def step(self, gradient: Tensor, noise: Tensor) -> None:
        """Take one step by the gradient at these points; `noise`, (2,), is in it already."""
        ...


def walks(surface: Surface, rules: Sequence[Chosen], starts: Tensor, seed: int) -> list[tuple[Walk, list[int]]]:
    """Return what steps the rules from all starts, each with the places of its rules in the order of its rows."""
    alike: dict[Any, list[int]] = {}
    for place, rule in enumerate(rules):
        alike.setdefault(_key(rule) or place, []).append(place)
    found: list[tuple[Walk, list[int]]] = []
    for key, places in alike.items():
        same = [rules[place] for place in places]
        if isinstance(key, int):
            found.append((Alone(surface, same[0], starts, seed), places))
        else:
            found.append((Together(same, starts), places))
    return found


def _key(rule: Chosen) -> tuple[type, Rule] | None:
    """Return what rules that can step together have in common; None for one that cannot."""
    if not issubclass(rule.optimizer, Optimizer) or rule.optimizer.measure is not Optimizer.measure:
        return None
    made = rule.make([torch.zeros(2, dtype=torch.float64, requires_grad=True)])
    return rule.optimizer, made.folded_rule(made.param_groups[0])


class Together:
    """One rule's function on all rows: the starts for the first set of options, then for the next."""

    def __init__(self, rules: Sequence[Chosen], starts: Tensor) -> None:
        made = [rule.make([torch.zeros(2, dtype=torch.float64, requires_grad=True)]) for rule in rules]
        self.rule: Rule = made[0].folded_rule(made[0].param_groups[0])
        hyper = [m.values_of(self.rule, m.param_groups[0]) for m in made]
        self.size, self.t = len(starts), 0
        self.theta = starts.repeat(len(rules), 1)
        self.hyper = {name: self._column([h[name] for h in hyper]) for name in self.rule.hyper}
        self.state = {name: self._begin(name, hyper) for name in self.rule.state}
        self.looks_ahead = issubclass(rules[0].optimizer, Nesterov)
        self.function = self.rule.function if trace(self.rule).is_elementwise else self._mapped

    def asks(self) -> Tensor:
        """Return where the rows are, or where their velocity is about to carry them."""
        return self.theta - self.hyper["momentum"] * self.state["v"] if self.looks_ahead else self.theta

    def step(self, gradient: Tensor, noise: Tensor) -> None:
        """Take one step."""
        self.t += 1
        change, *new = self.function(self.theta, gradient, self.t, *self.state.values(), **self.hyper)
        self.theta = self.theta + change
        self.state = dict(zip(self.rule.state, new, strict=True))

    def _mapped(self, theta: Tensor, g: Tensor, t: int, *state: Any, **hyper: Any) -> Any:
        columns = {name: value for name, value in hyper.items() if isinstance(value, Tensor)}
        shared = {name: value for name, value in hyper.items() if name not in columns}

        def one(theta: Tensor, g: Tensor, state: Any, columns: Any) -> Any:
            return self.rule.function(theta, g, t, *state, **columns, **shared)

        return vmap(one)(theta, g, state, columns)

    def _column(self, values: Sequence[Any]) -> Any:
        """Return a hyper-parameter: as a number where all agree, else (rows, 1)."""
        if all(value == values[0] for value in values):
            return values[0]
        return torch.tensor(values, dtype=torch.float64).repeat_interleave(self.size).unsqueeze(1)

    def _begin(self, name: str, hyper: Sequence[Hyper]) -> Any:
        first = self._column([self.rule.initial(name, h) for h in hyper])
        return first if name in trace(self.rule).numbers else torch.zeros_like(self.theta) + first


class Alone:
    """An optimizer for every row; for all rows together where it goes element by element."""

    def __init__(self, surface: Surface, rule: Chosen, starts: Tensor, seed: int) -> None:
        self.surface, self.seed, self.t = surface, seed, 0
        blocks = (starts,) if rule.optimizer is DiagonalNewton else starts.split(1)
        self.blocks = [block.clone().requires_grad_() for block in blocks]
        self.optimizers = [rule.make([block]) for block in self.blocks]
        self.is_second_order = issubclass(rule.optimizer, SecondOrder)
        self.has_settled = [False] * len(blocks)
        self.theta = starts.clone()

    def asks(self) -> Tensor:
        """Return where the rows are."""
        return self.theta

    def step(self, gradient: Tensor, noise: Tensor) -> None:
        """Take one step with all that have not left the surface."""
        self.t += 1
        left = self.surface.has_left(self.theta) | ~torch.isfinite(gradient).all(-1)
        size = len(self.blocks[0])
        for k, (block, slope, gone) in enumerate(zip(self.blocks, gradient.split(size), left.split(size))):
            if bool(gone.all()) or self.has_settled[k]:
                continue
            if self.is_second_order:
                self._differentiate(k, noise)
            else:
                block.grad = slope.clone()
                self.optimizers[k].step()
        self.theta = torch.cat([block.detach() for block in self.blocks])

    def _differentiate(self, k: int, noise: Tensor) -> None:
        block, optimizer = self.blocks[k], self.optimizers[k]
        before = block.detach().clone()
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(self.seed + self.t)  # whatever else is drawn
            optimizer.step(lambda: (self.surface.function(*block.unbind(-1)) + (noise * block).sum(-1)).sum())
        is_still = isinstance(optimizer, NewtonCG) and not bool(noise.any())  # it remembers nothing, and draws nothing
        self.has_settled[k] = is_still and torch.equal(before, block.detach())
