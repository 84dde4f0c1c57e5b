"""A deep network to start: 2000 normal inputs of 800 features, through layers of 750, 700, … 350 units.

It is that of Optimization for Training Deep Models 2018, Knob 1: Initialization.
"""

from torch import nn

EXAMPLES, FEATURES, NARROWER = 2000, 800, 50
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}


def deep_network(activation: str, depth: int) -> nn.Sequential:
    """Return linear layers, each 50 units narrower than the last, with an activation behind each."""
    sizes = [FEATURES - NARROWER * k for k in range(depth + 1)]
    layers = (part for a, b in zip(sizes, sizes[1:]) for part in (nn.Linear(a, b), ACTIVATIONS[activation]()))
    return nn.Sequential(*layers)
