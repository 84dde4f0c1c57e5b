"""Are random labels learned by heart, and how much later than the true ones? (Zhang et al. 2017, §2.)

The labels that the network fits are the true ones, or the same in random order, which say nothing of the inputs; or
the inputs are noise. Start, rule, order of the examples and everything drawn are the same.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from descend.landscape.fitting import Fit, Rule, fitted
from descend.landscape.loss import Loss, Theta
from descend.landscape.model import loss_of, trained

TRUE, LABELS, INPUTS = "true labels", "random labels", "random inputs"
LEARNED = 0.1  # of the cost at the start, with the true labels


@dataclass(frozen=True)
class Memorising:
    """The fits from one start, by what was fitted: that of the true labels first. Each ends where it is learned."""

    fits: Mapping[str, Fit]

    def passes(self, name: str, share: float = LEARNED) -> int | None:
        """Return the passes until that share of the true labels' first cost; None where it was not reached."""
        return self.fits[name].passes_to(share * self.fits[TRUE].costs[0])

    def delay(self, name: str = LABELS, share: float = LEARNED) -> float | None:
        """Return how many times the passes it took that the true labels took; None where either was not learned."""
        reached, true = self.passes(name, share), self.passes(TRUE, share)
        return reached / true if reached and true else None


def memorising(losses: Mapping[str, Loss], theta: Theta, rule: Rule, passes: int) -> Memorising:
    """Return the fits of several losses from one start, each until it is learned or has had so many passes.

    Raises `ValueError` where the true labels are not among them.
    """
    if TRUE not in losses:
        raise ValueError(f"the fits are compared with that of {TRUE!r}, which is not among {', '.join(losses)}")
    true = fitted(losses[TRUE], theta, rule, passes, lambda costs: costs[-1] > LEARNED * costs[0])
    enough = LEARNED * true.costs[0]
    others = {name: loss for name, loss in losses.items() if name != TRUE}
    fits = {name: fitted(loss, theta, rule, passes, lambda costs: costs[-1] > enough) for name, loss in others.items()}
    return Memorising({TRUE: true, **fits})


def losses_to_memorise(
    model: nn.Module, function: Callable[[Any, Any], Tensor], batches: Iterable[Sequence[Any]], seed: int = 0
) -> dict[str, Loss]:
    """Return the losses of the batches as they are, with their labels in random order, and with noise for inputs."""
    given = [tuple(batch) for batch in batches]
    targets = shuffled([target for _, target in given], seed)
    return {
        TRUE: loss_of(model, function, given),
        LABELS: loss_of(model, function, [(x, t) for (x, _), t in zip(given, targets)]),
        INPUTS: loss_of(model, function, list(zip(noise_like([x for x, _ in given], seed), [t for _, t in given]))),
    }


def memorised(
    model: nn.Module,
    function: Callable[[Any, Any], Tensor],
    batches: Iterable[Sequence[Any]],
    rule: Rule,
    passes: int = 300,
    seed: int = 0,
) -> Memorising:
    """Return the fits of a model from where it is; the model stays as it is.

    >>> found = memorised(model, nn.functional.cross_entropy, loader, lambda theta: torch.optim.SGD(theta, lr=0.1))
    >>> found.passes("random labels")
    """
    return memorising(losses_to_memorise(model, function, batches, seed), trained(model), rule, passes)


def shuffled(targets: Sequence[Tensor], seed: int = 0) -> list[Tensor]:
    """Return the batches' targets, (examples, ...) each, in a random order over all of them."""
    every = torch.cat([t.detach() for t in targets])
    order = torch.randperm(len(every), generator=torch.Generator().manual_seed(seed))
    return list(every[order.to(every.device)].split([len(t) for t in targets]))


def noise_like(inputs: Sequence[Tensor], seed: int = 0) -> list[Tensor]:
    """Return normal noise with the mean and the standard deviation of all values of the batches' inputs.

    Raises `ValueError` where they are no real numbers.
    """
    if not all(x.is_floating_point() for x in inputs):
        raise ValueError(f"noise takes the place of real inputs, and these are {inputs[0].dtype}")
    every = torch.cat([x.detach().double().reshape(-1) for x in inputs])
    mean, std = float(every.mean()), float(every.std(correction=0))
    generator = torch.Generator().manual_seed(seed)
    return [(mean + std * torch.randn(x.shape, generator=generator)).to(x) for x in inputs]
