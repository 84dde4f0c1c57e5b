"""With weights of standard deviation 1 almost all tanh units saturate."""

from torch import Tensor

from descend.claims.claim import Claim, above
from descend.claims.experiments.activations import InitialActivations

SATURATED = 0.95  # of the limits −1 and 1, where the derivative of tanh is below 0.1


def saturated_share(outputs: list[Tensor]) -> float:
    """Return the share of all activations near the limits of tanh."""
    return sum((layer.abs() > SATURATED).float().mean().item() for layer in outputs) / len(outputs)


CLAIM = Claim(
    sentence="With weights of standard deviation 1 almost all tanh units saturate.",
    source="Optimization for Training Deep Models 2018, Knob 1: Initialization",
    refuted_by="a share of saturated activations below 80 %",
    figure="share of activations beyond ±0.95, all layers",
    expected=above(0.8),
    experiment=InitialActivations(saturated_share),
    conditions=("normal 1, tanh",),
)
