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


@dataclass(frozen=True)
class EvaluatedCopy:
    """A copy of the trained network that the script calls after its last step.

    The copy had the network's parameter values at the first step.
    """

    # projection of the copy's change since the first step on the network's change, as a share of the network's change
    followed: float
    copy: str  # variable that holds the copy where the script calls it; "" if it is unknown
    network: str  # variable that holds the network in the same scope; "" if it is unknown
    is_network_called: bool  # whether the script calls the network after its last step as well


@dataclass(frozen=True)
class AverageDecay:
    """The decay of an average of the network's parameters: the weight of the former average in each update."""

    decay: float
    is_complement: bool  # whether the number in the source is 1 − decay, as `lerp_` needs it
