"""Measure whether a network can memorise random labels, and how much longer that takes (Zhang et al. 2017, §2).

The network is fitted to the true labels, to the labels in random order, and to noise in place of the inputs. Initial
parameters, optimizer, order of the examples and random seeds are the same.
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
LEARNED = 0.1  # The data are learned when the loss is this fraction of the initial loss with true labels.


@dataclass(frozen=True)
class Memorising:
    """The fits of a network to true labels, random labels and random inputs, by name. All start from one point."""

    fits: Mapping[str, Fit]

    def passes(self, name: str, share: float = LEARNED) -> int | None:
        """Return the number of passes until the loss of a fit was `share` of the initial loss; None if it never was."""
        return self.fits[name].passes_to(share * self.fits[TRUE].costs[0])

    def delay(self, name: str = LABELS, share: float = LEARNED) -> float | None:
        """Return the ratio of the passes that a fit needs to those with true labels; None if either fit failed."""
        reached, true = self.passes(name, share), self.passes(TRUE, share)
        return reached / true if reached and true else None


def memorising(losses: Mapping[str, Loss], theta: Theta, rule: Rule, passes: int) -> Memorising:
    """Minimise several losses from the same parameters, each to a tenth of the initial loss or for `passes` passes.

    Raises `ValueError` if the true labels are not among the losses.
    """
    if TRUE not in losses:
        raise ValueError(f"all fits are compared with the fit to {TRUE!r}, which is not among {', '.join(losses)}")
    true = fitted(losses[TRUE], theta, rule, passes, lambda costs: costs[-1] > LEARNED * costs[0])
    enough = LEARNED * true.costs[0]
    others = {name: loss for name, loss in losses.items() if name != TRUE}
    fits = {name: fitted(loss, theta, rule, passes, lambda costs: costs[-1] > enough) for name, loss in others.items()}
    return Memorising({TRUE: true, **fits})


def losses_to_memorise(
    model: nn.Module, function: Callable[[Any, Any], Tensor], batches: Iterable[Sequence[Any]], seed: int = 0
) -> dict[str, Loss]:
    """Return the losses of a model by name: on the batches, with shuffled labels, and with noise as the inputs."""
    given = [tuple(batch) for batch in batches]
    targets = shuffled_targets([target for _, target in given], seed)
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
    """Fit copies of a model's parameters to true labels, random labels and random inputs; return the fits.

    Parameters
    ----------
    model : torch.nn.Module
        The model, which is not changed.
    function : callable
        Returns the mean loss of outputs and targets.
    batches : iterable
        Pairs of inputs and targets, each of shape ``(examples, ...)``.
    rule : callable
        Returns the optimizer for a list of parameters.
    passes : int
        The largest number of passes over the batches.
    seed : int
        The seed of the random labels and inputs.

    Returns
    -------
    Memorising
        The fits, by the kind of data.

    Examples
    --------
    >>> found = memorised(model, nn.functional.cross_entropy, loader, lambda theta: torch.optim.SGD(theta, lr=0.1))
    >>> found.passes("random labels")
    """
    return memorising(losses_to_memorise(model, function, batches, seed), trained(model), rule, passes)


def shuffled_targets(targets: Sequence[Tensor], seed: int = 0) -> list[Tensor]:
    """Return the targets of all batches in random order, in batches ``(examples, ...)`` of the same sizes."""
    every = torch.cat([t.detach() for t in targets])
    order = torch.randperm(len(every), generator=torch.Generator().manual_seed(seed))
    return list(every[order.to(every.device)].split([len(t) for t in targets]))


def noise_like(inputs: Sequence[Tensor], seed: int = 0) -> list[Tensor]:
    """Return normal noise in place of inputs, with their shapes and their overall mean and standard deviation.

    Raises `ValueError` if the inputs are not floating-point numbers.
    """
    if not all(x.is_floating_point() for x in inputs):
        raise ValueError(f"noise can only replace floating-point inputs, not {inputs[0].dtype}")
    every = torch.cat([x.detach().double().reshape(-1) for x in inputs])
    mean, std = float(every.mean()), float(every.std(correction=0))
    generator = torch.Generator().manual_seed(seed)
    return [(mean + std * torch.randn(x.shape, generator=generator)).to(x) for x in inputs]
