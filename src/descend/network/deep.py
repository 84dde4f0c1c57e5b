"""The deep network of the initialisation experiments: 800 input features, then layers of 750, 700, … units.

Optimization for Training Deep Models 2018, Knob 1: Initialization.
"""

from torch import nn

EXAMPLES, FEATURES, NARROWER = 2000, 800, 50
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}


def deep_network(activation: str, depth: int) -> nn.Sequential:
    """Return a network of `depth` linear layers, each 50 units narrower than the last and followed by an activation."""
    sizes = [FEATURES - NARROWER * k for k in range(depth + 1)]
    layers = (part for a, b in zip(sizes, sizes[1:]) for part in (nn.Linear(a, b), ACTIVATIONS[activation]()))
    return nn.Sequential(*layers)
