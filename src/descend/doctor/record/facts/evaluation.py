"""Facts about the script's evaluation of its network."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EvaluatedInputs:
    """Mean and standard deviation of the network's inputs in evaluation and in training, and their distance."""

    # Fréchet distance between evaluation and training inputs, in units of the smaller σ: the median over features
    distance: float
    examples: int  # number of evaluated examples
    mean: float  # mean of all input values in the evaluation
    std: float  # standard deviation of all input values in the evaluation
    trained_mean: float  # mean of all input values in the fixed training examples
    trained_std: float  # standard deviation of all input values in the fixed training examples
    drift: float = 0.0  # the same distance between both halves of the fixed training examples


@dataclass(frozen=True)
class SelectionBeforeSplit:
    """A feature selector that is fitted to all targets before the script splits the data."""

    selector: str  # the feature selector's class name
    targets: str  # the variable that holds the targets


@dataclass(frozen=True)
class EvaluationData:
    """Digests (hashes) of the targets and inputs of one evaluation. Runs with equal digests evaluate the same task."""

    # digest of each tensor that a torch call compares with the outputs, or empty
    targets: tuple[str, ...]
    inputs: tuple[str, ...]  # digest of each data tensor from which the network's inputs are computed
    random: str  # digest of the random generators' states at the start of the evaluation
