"""What was seen of what is the script's own: the numbers that it prints and measures, what its network draws itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OwnNumber:
    """A number that the script prints by a name, which is the place of the observation: what that name says of it."""

    rises: bool | None  # larger is better; None where the name does not tell
    is_share: bool  # of what is best, it is 1, or 100
    is_loss: bool  # it may be what is minimised itself
    is_held_out: bool | None  # it is measured on data held out; None where the name does not tell


@dataclass(frozen=True)
class Untrained:
    """What the script prints by a name, which is the place of the observation, where nothing is learnt."""

    value: float


@dataclass(frozen=True)
class OwnMeasure:
    """What the script's own measure of its network says of right answers, and of others, where it evaluates."""

    right: float  # of the answers that the loss of the training asks for
    given_to_others: float  # of the same answers, each given to another example: the mean over several ways to do so
    best: float  # the farthest from that on the right ones' side: of them, or of them with one class exchanged
    is_told_apart: bool  # whether the right ones stand out


@dataclass(frozen=True)
class SelfSampledLoss:
    """The loss is made of what the network itself has drawn, as a policy's is of its actions: it need not fall."""

    function: str  # which draws: multinomial, bernoulli, …


@dataclass(frozen=True)
class OwnSelection:
    """The loss is a mean over what the network itself selects, as the triplets still wrong: it need not fall."""

    function: str  # which divides by their count: div, …
