"""How far each layer's outputs spread before the first step, by initialiser (Glorot & Bengio 2010, §3)."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from descend.network.initialisation_schemes import initialise
from descend.network.outputs import LayerOutput, layer_outputs

AS_IT_IS = "as it is"  # the weights that the model came with
SATURATED = 0.01  # from the end of a bounded activation's range
POINTS = 400  # of a layer's outputs, given
BOUNDED = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}
CLIPPED = ("relu", "relu6")  # whose zeros pass no gradient


@dataclass(frozen=True)
class Spread:
    """A layer's outputs: standard deviation, the share of them that pass hardly any gradient, and some of them."""

    name: str
    activation: str  # that follows the layer; "" for none
    std: float
    ends: float | None  # at the ends of a bounded activation, or a rectifier's zeros; None for others
    some: list[float]

    @property
    def ends_in_words(self) -> str:
        """Return the share at the ends, such as 3% saturated; "" where there are none."""
        if self.ends is None:
            return ""
        return f"{self.ends:.0%} {'saturated' if self.activation in BOUNDED else 'zeros'}"


def normal_inputs(model: nn.Module, count: int, shape: Iterable[int], seed: int) -> Tensor:
    """Return standard normal inputs, (count, *shape), where the model is and in its precision."""
    generator = torch.Generator().manual_seed(seed + 1)  # another stream than the weights'
    own = next((p for p in model.parameters() if p.dtype.is_floating_point), torch.empty(0))
    return torch.randn(count, *shape, generator=generator).to(own.device, own.dtype)


def spreads_by_scheme(model: nn.Module, inputs: Tensor, schemes: Iterable[str], seed: int) -> dict[str, list[Spread]]:
    """Return what each use of a layer gives to the next, by scheme of `initialise`; the model keeps the last one's."""
    found = {}
    for scheme in schemes:
        torch.manual_seed(seed)
        if scheme != AS_IT_IS:
            initialise(model, scheme, inputs)
        found[scheme] = [_spread(seen) for seen in layer_outputs(model, inputs)]
    return found


def _spread(seen: LayerOutput) -> Spread:
    flat = seen.output.flatten().float()
    drawn = torch.randperm(len(flat), generator=torch.Generator().manual_seed(0))  # a stride may meet one unit alone
    some = flat[drawn[:POINTS].to(flat.device)].tolist()
    return Spread(seen.name, seen.activation, flat.std().item(), _ends(seen.activation, flat), some)


def _ends(activation: str, outputs: Tensor) -> float | None:
    if activation in BOUNDED:
        low, high = BOUNDED[activation]
        return ((outputs < low + SATURATED) | (outputs > high - SATURATED)).float().mean().item()
    return (outputs == 0).float().mean().item() if activation in CLIPPED else None
