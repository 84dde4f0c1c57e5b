"""Choose the optimizers' learning rates: as the user gives them, or by a small search on the surface."""

from collections.abc import Mapping, Sequence
from math import inf

import torch
from torch import Tensor

from descend.core.errors import UsageError
from descend.trajectories.rules import OWN_RATE, Chosen
from descend.trajectories.surface import Surface
from descend.trajectories.trajectory import Trajectory, trajectories

TRIED = tuple(digit * 10.0**power for power in range(-4, 3) for digit in (1, 2, 5))  # learning rates from 0.0001 to 500
NEAR = 1.0  # largest accepted distance from the window's centre, in window sizes (0.5 is the edge)
SMALLEST = 1e-9  # losses below this fraction of the first loss count as equally good


def read_rates(text: str, rules: Sequence[Chosen]) -> list[Chosen]:
    """Return the optimizers with the learning rates that a text such as `0.1`, `0.9,1.5` or `SGD=0.1,Adam=0.01` gives.

    Several learning rates without names are used with each of the optimizers.

    An optimizer that is not named keeps no learning rate.

    Parameters
    ----------
    text : str
        The learning rates.
    rules : sequence of Chosen
        The optimizers.

    Returns
    -------
    list of Chosen
        The optimizers with learning rates.

    Raises
    ------
    UsageError
        For a wrong number or an unknown name.
    """
    parts = [part.strip() for part in text.split(",")]
    if not any("=" in part for part in parts):
        rates = [_read_learning_rate(part) for part in parts]
        return [rule.with_lr(lr) for rule in rules for lr in rates]
    named: dict[str, float] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals:
            raise UsageError(
                "--lr must give learning rates either for all optimizers, such as 0.1, or by name, such as "
                f"SGD=0.1,Adam=0.01; {text!r} mixes the two"
            )
        named[name.strip().lower()] = _read_learning_rate(value)
    return _assign_rates_by_name(named, rules)


def _assign_rates_by_name(named: Mapping[str, float], rules: Sequence[Chosen]) -> list[Chosen]:
    """Return the optimizers with the learning rates in `named`, whose keys are lower-case optimizer names."""
    known = {rule.name.lower() for rule in rules} | {rule.text.lower() for rule in rules}
    if strange := [name for name in named if name not in known]:
        raise UsageError(f"--lr names {strange[0]}, but the optimizers are {', '.join(r.text for r in rules)}")
    given = [named.get(rule.text.lower(), named.get(rule.name.lower())) for rule in rules]
    return [rule if lr is None else rule.with_lr(lr) for rule, lr in zip(rules, given)]


def _read_learning_rate(text: str) -> float:
    """Convert a text to a learning rate. Raises `UsageError` if it is not a positive and finite number."""
    try:
        lr = float(text)
    except ValueError:
        raise UsageError(f"a learning rate must be a positive number, not {text.strip()!r}") from None
    if not 0 < lr < inf:
        raise UsageError(f"a learning rate must be a positive number, not {text.strip()}")
    return lr


def with_rates(surface: Surface, rules: Sequence[Chosen], steps: int) -> list[Chosen]:
    """Return the optimizers. Those without a learning rate get the best one of a small search on the surface.

    The candidates are 1, 2 and 5 times powers of ten, run from the usual start without noise. The one with the
    lowest mean logarithm of the loss above the minimum is chosen. Candidates that leave the window by more than half of
    its size come last.
    An optimizer that sets its own learning rate keeps its default.

    Parameters
    ----------
    surface : Surface
        The surface.
    rules : sequence of Chosen
        The optimizers.
    steps : int
        The number of steps for which a learning rate is chosen.

    Returns
    -------
    list of Chosen
        The optimizers, all with a learning rate.
    """
    open_rules = [rule for rule in rules if rule.lr is None and rule.name not in OWN_RATE]
    best = iter(_search_learning_rates(surface, open_rules, steps) if open_rules else [])
    return [
        _with_default_rate(rule) if rule.name in OWN_RATE else next(best) if rule.lr is None else rule for rule in rules
    ]


def _search_learning_rates(surface: Surface, rules: Sequence[Chosen], steps: int) -> list[Chosen]:
    """Run each optimizer with all candidate learning rates, and return it with the best of them."""
    tried = [rule.with_lr(lr, "searched") for rule in rules for lr in TRIED]
    found = trajectories(surface, tried, torch.tensor([surface.start], dtype=torch.float64), steps)
    lowest = surface.lowest if surface.lowest is not None else _lowest_loss(found)

    def sort_key(one: Trajectory) -> tuple[bool, float]:
        """Return the sort key of a trajectory: whether it leaves the window, then the mean logarithm of its loss."""
        return _leaves_window(surface, one), _mean_log_loss(one.cost[0], lowest)

    return [min(found[k : k + len(TRIED)], key=sort_key).rule for k in range(0, len(found), len(TRIED))]


def _with_default_rate(rule: Chosen) -> Chosen:
    """Return the optimizer with the default learning rate of its class, unless the user gave one."""
    if rule.lr is not None:
        return rule
    made = rule.construct([torch.zeros(2, requires_grad=True)])
    return rule.with_lr(made.param_groups[0]["lr"], "default")


def _lowest_loss(found: Sequence[Trajectory]) -> float:
    """Return the lowest finite loss that any of the trajectories reaches."""
    costs = torch.cat([one.cost.flatten() for one in found])
    return float(costs[torch.isfinite(costs)].min())


def _leaves_window(surface: Surface, one: Trajectory) -> bool:
    """Return whether a trajectory leaves the plotted window by more than half of the window's size."""
    return not bool((surface.distance_in_windows(one.points[0]) <= NEAR).all())


def _mean_log_loss(cost: Tensor, lowest: float) -> float:
    """Return the mean of log(loss − lowest) over the steps of a path, up to a constant; infinity if it diverged."""
    if not bool(torch.isfinite(cost).all()):
        return inf
    scale = max(float(cost[0]) - lowest, torch.finfo(torch.float64).tiny)
    return float((((cost - lowest) / scale).clamp_min(SMALLEST)).log().mean())
