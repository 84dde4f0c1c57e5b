"""What was seen of how the parts hang together: who trains which parameters, in which mode, and what interferes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Alterations:
    """What changes gradients between backward pass and step, or parameters between the steps, in a few early steps."""

    cosine: float | None = None  # of the gradients that the steps are given with the loss's; None where they are these
    ratio: float = 1.0  # of their lengths, theirs over the loss's
    between_steps: float = 0.0  # how much the parameters change there, over how much the steps change them
    forgotten: int = 0  # steps before which what the rule remembers had been thrown away


@dataclass(frozen=True)
class LeftUnloaded:
    """A load of weights that left some as they were; of one that has brought them after all, the rest is not told."""

    missing: int  # tensors of the module that the checkpoint does not name
    of: int = 0  # tensors that the module has
    first: str = ""  # the first one that is missing, as the module calls it
    unexpected: str = ""  # what the checkpoint calls it, or else the first one there that the module does not name
    prefix: str | None = None  # what stands before the names on one side alone; None where no prefix would mend it
    is_extra: bool = False  # whether the prefix is in the checkpoint, not in the module
    names: int = 0  # of tensors that the prefix would bring home


@dataclass(frozen=True)
class Lost:
    """The optimizer holds none of the parameters that the loss depends on."""

    count: int  # of these parameters


@dataclass(frozen=True)
class MadeInForward:
    """A layer that each forward pass makes anew."""

    layer: str  # its class
    line: int


@dataclass(frozen=True)
class Modes:
    """Dropout and normalisation modules of the model that are in evaluation mode in training, by qualified name."""

    evaluation: tuple[str, ...]
    unfit: tuple[str, ...]  # normalisations among these whose running statistics were never fitted
