"""The rates of the rules: as they are given, or found by a small search on the surface itself."""

from collections.abc import Mapping, Sequence
from math import inf

import torch
from torch import Tensor

from descend.ground.errors import UsageError
from descend.trajectories.rules import OWN_RATE, Chosen
from descend.trajectories.surface import Surface
from descend.trajectories.trajectory import Trajectory, trajectories

TRIED = tuple(digit * 10.0**power for power in range(-4, 3) for digit in (1, 2, 5))  # 0.0001 to 500
NEAR = 1.0  # windows from the middle: half a window beyond each edge
SMALLEST = 1e-9  # of the cost at the start: smaller ones are as good


def read_rates(text: str, rules: Sequence[Chosen]) -> list[Chosen]:
    """Return the rules at the rates that a text gives: `0.1`, `0.9,1.5` for each, or `SGD=0.1,Adam=0.01` by name.

    A rule that it does not name stays without one. Raises `UsageError` for a rate that is none, or of no rule.
    """
    parts = [part.strip() for part in text.split(",")]
    if not any("=" in part for part in parts):
        rates = [_rate(part) for part in parts]
        return [rule.at(lr) for rule in rules for lr in rates]
    named: dict[str, float] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"--lr gives each rule its rate, SGD=0.1,Adam=0.01, or all of them: not both, as {text!r}")
        named[name.strip().lower()] = _rate(value)
    return _by_name(named, rules)


def _by_name(named: Mapping[str, float], rules: Sequence[Chosen]) -> list[Chosen]:
    known = {rule.name.lower() for rule in rules} | {rule.text.lower() for rule in rules}
    if strange := [name for name in named if name not in known]:
        raise UsageError(f"--lr names {strange[0]}, which is not among the rules: {', '.join(r.text for r in rules)}")
    given = [named.get(rule.text.lower(), named.get(rule.name.lower())) for rule in rules]
    return [rule if lr is None else rule.at(lr) for rule, lr in zip(rules, given)]


def _rate(text: str) -> float:
    try:
        lr = float(text)
    except ValueError:
        raise UsageError(f"a rate must be a positive number, not {text.strip()!r}") from None
    if not 0 < lr < inf:
        raise UsageError(f"a rate must be a positive number, not {text.strip()}")
    return lr


def with_rates(surface: Surface, rules: Sequence[Chosen], steps: int) -> list[Chosen]:
    """Return the rules with a rate for those that have none.

    From the usual start and without noise: of 1, 2 and 5 times the powers of ten with which the rule never goes more
    than half a window beyond the window, the rate whose logarithm of the cost above the lowest is least on average over
    the steps. A rule that measures its own rate keeps its default.
    """
    open_rules = [rule for rule in rules if rule.lr is None and rule.name not in OWN_RATE]
    best = iter(_searched(surface, open_rules, steps) if open_rules else [])
    return [_own(rule) if rule.name in OWN_RATE else next(best) if rule.lr is None else rule for rule in rules]


def _searched(surface: Surface, rules: Sequence[Chosen], steps: int) -> list[Chosen]:
    tried = [rule.at(lr, "searched") for rule in rules for lr in TRIED]
    found = trajectories(surface, tried, torch.tensor([surface.start], dtype=torch.float64), steps)
    lowest = surface.lowest if surface.lowest is not None else _lowest(found)

    def badness(one: Trajectory) -> tuple[bool, float]:
        return _leaves(surface, one), _mean_log(one.cost[0], lowest)

    return [min(found[k : k + len(TRIED)], key=badness).rule for k in range(0, len(found), len(TRIED))]


def _own(rule: Chosen) -> Chosen:
    if rule.lr is not None:
        return rule
    made = rule.make([torch.zeros(2, requires_grad=True)])
    return rule.at(made.param_groups[0]["lr"], "default")


def _lowest(found: Sequence[Trajectory]) -> float:
    costs = torch.cat([one.cost.flatten() for one in found])
    return float(costs[torch.isfinite(costs)].min())


def _leaves(surface: Surface, one: Trajectory) -> bool:
    return not bool((surface.windows_away(one.points[0]) <= NEAR).all())


def _mean_log(cost: Tensor, lowest: float) -> float:
    """Return the mean over the steps of the logarithm of the cost above the lowest; infinity where it diverged."""
    if not bool(torch.isfinite(cost).all()):
        return inf
    scale = max(float(cost[0]) - lowest, torch.finfo(torch.float64).tiny)
    return float((((cost - lowest) / scale).clamp_min(SMALLEST)).log().mean())
