"""Standardisation of targets inside the model (LeCun et al. 1998, §4.3).

A network with initial outputs near 0 first has to learn the mean and the scale of its targets, and the curvature of a
squared error in large units requires a tiny learning rate (Bishop 1995, §8.2). Here the network f learns standardised
targets, and the model returns predictions in the original unit: g = mean + std · f(x). So a script's loss, metrics and
predictions keep their meaning.
"""

from typing import Any

from torch import Tensor, nn

from descend.data.batches import target_batches
from descend.data.standardise import EXAMPLES
from descend.network.kept_statistics import keep_statistics, unwrap_model

NAMES = ("target_mean", "target_std")


class Unstandardise:
    """A forward hook that scales the output to the targets' unit, but keeps the gradients of standardised targets.

    It returns g = mean + std · f(x). With the standardised target t = (y − mean) / std, the squared error (g − y)²
    equals std² (f − t)². Its gradient with respect to f is std² times that of (f − t)², so the hook divides the
    gradient by std². (autograd's second derivative is divided twice.)
    """

    def __call__(self, module: nn.Module, arguments: tuple[Any, ...], output: Any) -> Tensor:
        """Return the model's output in the original unit of the targets."""
        if not isinstance(output, Tensor):
            raise TypeError(f"standardise_targets needs a model that returns a tensor, not a {type(output).__name__}")
        mean, deviation = (_reshape_statistic(getattr(module, name), output) for name in NAMES)
        f = output.detach()
        # The value stays the same, but its gradient is divided by std².
        f = f + (output - f) / deviation / deviation
        return mean + deviation * f


def _reshape_statistic(statistic: Tensor, output: Tensor) -> Tensor:
    """Return the targets' mean or standard deviation in a shape that broadcasts over the examples in `output`."""
    statistic = statistic.to(output.device)
    if statistic.numel() == 1:
        return statistic.reshape(())
    ends = zip(statistic.shape[::-1], output.shape[::-1])
    if statistic.ndim >= output.ndim or any(size not in (1, given) for size, given in ends):
        shape, given = tuple(statistic.shape), tuple(output.shape)
        raise ValueError(f"the targets' mean has shape {shape}, which does not fit outputs of shape {given}")
    return statistic


def standardise_targets(model: nn.Module, data: Any, *, examples: int = EXAMPLES) -> nn.Module:
    """Make `model` learn targets standardised by the mean and standard deviation of those in `data`. Return the model.

    For regression with a squared error. Targets ``(N, D)`` have one mean per quantity, ``(N,)`` and ``(N, 1)`` a single
    one; a constant target is only centred. The statistics are buffers, saved with the model. A second call has no
    effect, and no random number is drawn.

    Parameters
    ----------
    model : torch.nn.Module
        The model to change.
    data : DataLoader, Dataset or iterable of batches
        The training data. The second element of a batch is the targets.
    examples : int
        The largest number of examples that are read.

    Returns
    -------
    torch.nn.Module
        The model.

    Raises
    ------
    TypeError
        For data that cannot be read.
    """
    model = unwrap_model(model)
    if any(isinstance(hook, Unstandardise) for hook in model._forward_hooks.values()):
        return model
    keep_statistics(model, NAMES, target_batches(data, examples))
    model.register_forward_hook(Unstandardise())
    return model
