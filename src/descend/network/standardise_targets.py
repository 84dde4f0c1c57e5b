"""Targets brought to mean 0 and standard deviation 1, without a change of their unit (LeCun et al. 1998, section 4.3).

A network that starts near 0 spends its first epochs on finding the mean and the unit of its targets, and the
curvature of a squared error in large units asks for a tiny learning rate (Bishop 1995, section 8.2: inputs and
targets are rescaled to be of order 1). Here the network f learns the standardised targets, and the model answers
in their own unit: g = mean + std · f(x). Loss, metrics and predictions of a script stay what they are.
"""

from typing import Any

from torch import Tensor, nn

from descend.data.batches import target_batches
from descend.data.standardise import EXAMPLES
from descend.network.kept_statistics import keep_statistics, unwrapped

NAMES = ("target_mean", "target_std")


class Unstandardise:
    """A forward hook: mean + standard deviation · f(x), with a gradient as if the loss were of standardised targets.

    For the squared error (g - y)² = std² (f - t)², of which t = (y - mean) / std is the standardised target, the
    gradient with respect to f is std² times that of (f - t)²: the hook divides it by std². (A second derivative by
    autograd is divided twice.)
    """

    def __call__(self, module: nn.Module, arguments: tuple[Any, ...], output: Any) -> Tensor:
        """Return the output in the unit of the targets."""
        if not isinstance(output, Tensor):
            raise TypeError(f"standardise_targets needs a model that returns a tensor, not a {type(output).__name__}")
        mean, deviation = (_shaped(getattr(module, name), output) for name in NAMES)
        f = output.detach()
        f = f + (output - f) / deviation / deviation  # the value of the output; of its gradient 1 / std²
        return mean + deviation * f


def _shaped(statistic: Tensor, output: Tensor) -> Tensor:
    """Return the statistic so that it broadcasts over the examples."""
    statistic = statistic.to(output.device)
    if statistic.numel() == 1:
        return statistic.reshape(())
    ends = zip(statistic.shape[::-1], output.shape[::-1])
    if statistic.ndim >= output.ndim or any(size not in (1, given) for size, given in ends):
        shape, given = tuple(statistic.shape), tuple(output.shape)
        raise ValueError(f"the targets were fitted with a mean of shape {shape}, which is not that of outputs {given}")
    return statistic


def standardise_targets(model: nn.Module, data: Any, *, examples: int = EXAMPLES) -> nn.Module:
    """Let `model` learn targets of mean 0 and standard deviation 1, by the statistics of those in `data`; return it.

    For regression under a squared error. Targets of shape (N, D) have one mean for each of the D quantities, those
    of (N,) and (N, 1) one alone; a constant target is only centred. The statistics are buffers of the model: a saved
    model keeps them. At most `examples` are read; see `target_batches` for what `data` can be. A second call does
    nothing, and no random number is drawn. Raises `TypeError` for data that cannot be read.
    """
    model = unwrapped(model)
    if any(isinstance(hook, Unstandardise) for hook in model._forward_hooks.values()):
        return model
    keep_statistics(model, NAMES, target_batches(data, examples))
    model.register_forward_hook(Unstandardise())
    return model
