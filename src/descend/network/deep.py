"""The lecture's deep networks: normal inputs through many layers, before the first step."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from descend.network.initialisation_schemes import initialise
from descend.network.outputs import layer_outputs

EXAMPLES, FEATURES, NARROWER = 2000, 800, 50
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}
SATURATED = 0.99  # of a tanh's largest output
POINTS = 400  # of a layer's outputs, given


@dataclass(frozen=True)
class Spread:
    """A layer's outputs: standard deviation, the share at the activation's ends (a rectifier's zeros), and some."""

    std: float
    ends: float
    some: list[float]


def deep_spreads(activation: str, scheme: str, depth: int, seed: int) -> list[Spread]:
    """Return what each layer gives to the next, each 50 units narrower than the last, by an initialiser's scheme."""
    torch.manual_seed(seed)
    sizes = [FEATURES - NARROWER * k for k in range(depth + 1)]
    parts = [part for a, b in zip(sizes, sizes[1:]) for part in (nn.Linear(a, b), ACTIVATIONS[activation]())]
    model, inputs = nn.Sequential(*parts), torch.randn(EXAMPLES, FEATURES)
    initialise(model, scheme, inputs)
    return [_spread(activation, seen.output) for seen in layer_outputs(model, inputs)]


def _spread(activation: str, outputs: Tensor) -> Spread:
    at_end = outputs.abs() > SATURATED if activation == "tanh" else outputs == 0
    flat = outputs.flatten()
    drawn = torch.randperm(len(flat), generator=torch.Generator().manual_seed(0))  # a stride may meet one unit alone
    some = flat[drawn[:POINTS]].tolist()
    return Spread(outputs.std().item(), at_end.float().mean().item(), some)
