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
    drift: float = 0.0  # the distance between the earlier and the later half of the fixed examples


@dataclass(frozen=True)
class SelectionBeforeSplit:
    """A feature selector that is fitted to the targets of all examples, which the script splits after it."""

    selector: str  # its class
    targets: str  # the variable


@dataclass(frozen=True)
class EvaluationData:
    """Fingerprints of what one evaluation compares: the same in two runs that are measured by the same task."""

    targets: tuple[str, ...]  # of each tensor that the outputs are compared with; none where no torch call does that
    inputs: tuple[str, ...]  # of each tensor of data that the network's inputs are made of
    random: str  # of where the random streams were when it began
