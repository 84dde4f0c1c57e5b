"""Short trainings that score an expression: many copies of a small network at once, each with its own learning rate.

The learning rates are relative: with the rate r, the first step changes the weights by r in root mean square. So rules
whose steps have other scales are tuned equally well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import inf, log

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from descend.claims.tasks import TASKS
from descend.core.bound import Bound, Count
from descend.discover.expression import PROXIES, Expression, read_prefix
from descend.discover.values import RunningMeans, compiled

RATES = tuple(10 ** (-4 + i / 2) for i in range(8))  # relative learning rates, from 10⁻⁴ to 3·10⁻¹
SEEDS = 2  # initial weights and batches for each learning rate
STEPS = Count(100, "steps", "chosen: about three passes over the examples, in a tenth of a second")
PRUNED = Count(20, "steps", "chosen: a rule that has not lowered any loss by then is not trained further")
HIDDEN, BATCH = 24, 32
MONITORED = 400  # examples on which the final loss is computed
DIVERGED = Bound(100.0, "multiple of the initial loss", "chosen: a larger loss, or no number, counts as this one")


@dataclass(frozen=True)
class Score:
    """The result of a rule on the proxies."""

    value: float  # mean logarithm of the loss divided by that of tuned plain SGD; lower is better
    rates: tuple[float, ...] = ()  # the best relative learning rate on each proxy
    lr: float = 0.0  # the best learning rate on the first proxy


@dataclass(frozen=True)
class _Proxy:
    """The data of a proxy, the same for all rules: initial weights and batches of each seed."""

    weights: tuple[Tensor, ...]  # each of shape (copies, …)
    x: Tensor  # (copies, STEPS, BATCH, features)
    y: Tensor
    x_out: Tensor  # (copies, MONITORED, features): training examples for the final loss
    y_out: Tensor
    is_classified: bool

    def losses(self, weights: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """Return the loss of each copy, of shape ``(copies,)``."""
        first, bias, second, last = weights
        outputs = torch.baddbmm(last, torch.baddbmm(bias, x, first).relu(), second)
        if not self.is_classified:
            return (outputs - y).square().mean((1, 2))
        return cross_entropy(outputs.flatten(0, 1), y.flatten(), reduction="none").view(len(x), -1).mean(1)


def score(expression: Expression, proxies: Sequence[str] = PROXIES) -> Score:
    """Train with a rule on each proxy, and compare with tuned plain SGD. An infinite value: nothing is learned."""
    try:
        results = [_best(expression, name) for name in proxies]
    except OverflowError:  # of numbers that grow with the step, such as e^(e^√t)
        return Score(inf)
    if any(loss == inf for loss, _, _ in results):
        return Score(inf)
    ratios = [log(loss / _reference(name)) for (loss, _, _), name in zip(results, proxies)]
    return Score(sum(ratios) / len(ratios), tuple(rate for _, rate, _ in results), results[0][2])


@cache
def _reference(name: str) -> float:
    """Return the loss of tuned plain SGD on a proxy."""
    return _best(read_prefix(["g"]), name)[0]


def _best(expression: Expression, name: str) -> tuple[float, float, float]:
    """Return the lowest loss of all learning rates, the relative learning rate with it, and the learning rate."""
    proxy, rule = _proxy(name), compiled(expression.formula)
    weights = [w.clone().requires_grad_() for w in proxy.weights]
    means = [RunningMeans() for _ in weights]
    relative = torch.tensor(RATES).repeat_interleave(SEEDS)
    before, lr = proxy.losses(weights, proxy.x_out, proxy.y_out).detach(), relative
    for t in range(1, STEPS + 1):
        total = proxy.losses(weights, proxy.x[:, t - 1], proxy.y[:, t - 1]).sum()
        gradients = torch.autograd.grad(total, weights)
        with torch.no_grad():
            steps = [mean.step(rule, g) for mean, g in zip(means, gradients)]
            if t == 1:
                lr = relative / _sizes(steps, weights)
            for w, step in zip(weights, steps):
                w -= lr.view(-1, *[1] * (w.dim() - 1)) * step
            if t == PRUNED and not (_final_losses(proxy, weights, before) < before).any():
                return inf, 0.0, 0.0
    losses = _final_losses(proxy, weights, before).view(len(RATES), SEEDS).mean(1)
    best = int(losses.argmin())
    has_learned = losses[best] < before.mean()
    return (losses[best].item() if has_learned else inf), RATES[best], lr.view(-1, SEEDS)[best].mean().item()


def _sizes(steps: Sequence[Tensor | float], weights: Sequence[Tensor]) -> Tensor:
    """Return the root mean square of each copy's first step, of shape ``(copies,)``."""
    squares = sum((torch.as_tensor(s).expand_as(w) ** 2).flatten(1).sum(1) for s, w in zip(steps, weights))
    return (torch.as_tensor(squares) / sum(w[0].numel() for w in weights)).sqrt().clamp_min(1e-30)


def _final_losses(proxy: _Proxy, weights: Sequence[Tensor], before: Tensor) -> Tensor:
    """Return the loss of each copy on the monitored examples, at most `DIVERGED` times the initial one."""
    with torch.no_grad():
        return proxy.losses(weights, proxy.x_out, proxy.y_out).nan_to_num(inf).minimum(DIVERGED * before)


@cache
def _proxy(name: str) -> _Proxy:
    """Return the data of a proxy. The copies of one seed have the same weights and batches."""
    task, each = TASKS[name], list[tuple[Tensor, ...]]()
    for seed in range(SEEDS):
        data, generator = task.examples(2000 + seed), torch.Generator().manual_seed(seed)
        features, outputs = data.x.shape[1], task.classes or 1
        batches = torch.randint(len(data.x), (STEPS, BATCH), generator=generator)
        sizes = ((features, HIDDEN), (1, HIDDEN), (HIDDEN, outputs), (1, outputs))
        limits = (features**-0.5, features**-0.5, HIDDEN**-0.5, HIDDEN**-0.5)  # as in torch.nn.Linear
        weights = [limit * (2 * torch.rand(size, generator=generator) - 1) for size, limit in zip(sizes, limits)]
        each.append((*weights, data.x[batches], data.y[batches], data.x[:MONITORED], data.y[:MONITORED]))
    parts = [torch.stack(part).repeat(len(RATES), *[1] * part[0].dim()) for part in zip(*each)]
    x, y, x_out, y_out = parts[4:]
    return _Proxy(tuple(parts[:4]), x, y, x_out, y_out, is_classified=bool(task.classes))
