"""The spread of each layer's outputs before the first step, by initialisation (Glorot & Bengio 2010, §3)."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from descend.network.initialisation_schemes import initialise
from descend.network.outputs import LayerOutput, layer_outputs

AS_IT_IS = "as it is"  # name for the model's own initial weights, in place of a scheme
SATURATED = 0.01  # An output is saturated if it is closer than this to an end of its activation's range.
POINTS = 400  # number of outputs of each layer that a plot shows
BOUNDED = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}
CLIPPED = ("relu", "relu6")  # activations that pass no gradient where their output is 0


@dataclass(frozen=True)
class OutputDistribution:
    """The distribution of a layer's outputs: its standard deviation, the share without gradient, and a sample."""

    name: str
    activation: str  # name of the activation that follows the layer, or ""
    std: float
    ends: float | None  # share of outputs that are saturated or, after a ReLU, zero; None for other activations
    some: list[float]  # a random sample of the outputs

    @property
    def ends_message(self) -> str:
        """Return the share of saturated or zero outputs as text, such as "3% saturated"; "" if it is unknown."""
        if self.ends is None:
            return ""
        return f"{self.ends:.0%} {'saturated' if self.activation in BOUNDED else 'zeros'}"


def normal_inputs(model: nn.Module, count: int, shape: Iterable[int], seed: int) -> Tensor:
    """Return random standard normal inputs ``(count, *shape)`` on the model's device and in its dtype."""
    # The weights are drawn with `seed`, so the inputs need another seed to be independent.
    generator = torch.Generator().manual_seed(seed + 1)
    own = next((p for p in model.parameters() if p.dtype.is_floating_point), torch.empty(0))
    return torch.randn(count, *shape, generator=generator).to(own.device, own.dtype)


def distributions_by_scheme(
    model: nn.Module, inputs: Tensor, schemes: Iterable[str], seed: int
) -> dict[str, list[OutputDistribution]]:
    """Initialise the model by each scheme in turn. Return the distribution of each layer's outputs, by scheme.

    Afterwards the model has the weights of the last scheme.
    """
    found = {}
    for scheme in schemes:
        torch.manual_seed(seed)
        if scheme != AS_IT_IS:
            initialise(model, scheme, inputs)
        found[scheme] = [_measure_distribution(seen) for seen in layer_outputs(model, inputs)]
    return found


def _measure_distribution(seen: LayerOutput) -> OutputDistribution:
    """Return the standard deviation, the share without gradient and a sample of a layer's outputs."""
    flat = seen.output.flatten().float()
    # The sample is random, because outputs at equal distances could all belong to one unit.
    drawn = torch.randperm(len(flat), generator=torch.Generator().manual_seed(0))
    some = flat[drawn[:POINTS].to(flat.device)].tolist()
    return OutputDistribution(
        seen.name, seen.activation, flat.std().item(), _share_without_gradient(seen.activation, flat), some
    )


def _share_without_gradient(activation: str, outputs: Tensor) -> float | None:
    """Return the share of outputs that are saturated or, after a ReLU, zero; None for other activations."""
    if activation in BOUNDED:
        low, high = BOUNDED[activation]
        return ((outputs < low + SATURATED) | (outputs > high - SATURATED)).float().mean().item()
    return (outputs == 0).float().mean().item() if activation in CLIPPED else None
