"""What was seen of where the script evaluates its network."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EvaluatedInputs:
    """What the network is given where it is evaluated, beside what it is trained on."""

    distance: float  # Fréchet's, of the feature in the middle, in units of the smaller standard deviation
    examples: int  # that were evaluated
    mean: float  # of all features together, where it is evaluated
    std: float
    trained_mean: float  # and in the fixed examples of the training
    trained_std: float
