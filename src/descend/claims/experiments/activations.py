"""The activations of a deep network with random weights, before any training.

The network is that of Optimization for Training Deep Models 2018, Knob 1: Initialization: 2,000 rows of 800 standard
normal numbers, and nine layers of 750, 700, … 350 units.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from descend.claims.claim import Measured, Scale, Settings
from descend.claims.experiments.untuned import Untuned
from descend.network import initialise

ROWS, SIZES = 2000, range(800, 349, -50)
ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "ReLU": nn.ReLU}


def remaining_spread(outputs: list[Tensor]) -> float:
    """Return the standard deviation of the last layer's activations, divided by that of the first layer's."""
    return (outputs[-1].std() / outputs[0].std()).item()


@dataclass(frozen=True)
class InitialActivations(Untuned):
    """A figure of the layers' activations. The condition is the scheme and the activation, such as `xavier, tanh`."""

    figure: Callable[[list[Tensor]], float] = remaining_spread
    scale: Scale = Scale.VALUE

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return the figure of one draw of the weights."""
        scheme, activation = condition.split(", ")
        torch.manual_seed(seed)
        layers = [nn.Sequential(nn.Linear(a, b), ACTIVATIONS[activation]()) for a, b in zip(SIZES, SIZES[1:])]
        x = torch.randn(ROWS, SIZES[0])
        initialise(nn.Sequential(*layers), scheme, x)
        outputs = []
        with torch.no_grad():
            for layer in layers:
                x = layer(x)
                outputs.append(x)
        return (self.figure(outputs),)
