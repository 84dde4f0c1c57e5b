"""What was seen of how the parts hang together: who trains which parameters, in which mode, and what interferes."""

from dataclasses import dataclass

from descend.ground.bound import Bound

REVERSED = Bound(
    -0.99,
    "cosine of the optimizer's gradients with the loss's",
    "chosen: a gradient whose sign was turned has -1, and no clipping turns one",
)


@dataclass(frozen=True)
class Alterations:
    """What changes gradients between backward pass and step, or parameters between the steps, in a few early steps."""

    cosine: float | None = None  # of the gradients that the steps are given with the loss's; None where they are these
    ratio: float = 1.0  # of their lengths, theirs over the loss's
    between_steps: float = 0.0  # how much the parameters change there, over how much the steps change them
    forgotten: int = 0  # steps before which what the rule remembers had been thrown away

    @property
    def is_reversed(self) -> bool:
        """Whether the steps are given the gradients with their sign turned."""
        return self.cosine is not None and self.cosine <= REVERSED


@dataclass(frozen=True)
class Broadcast:
    """Operands of as many elements whose shapes broadcast: every prediction meets every target."""

    prediction: tuple[int, ...]  # its shape
    target: tuple[int, ...]
    result: tuple[int, ...]
    operand: str  # left, right: on which side the target stands
    by_hand: bool  # whether a difference or a product is written out, and no function of torch called


@dataclass(frozen=True)
class Connections:
    """What the loss depends on, which of it learns, and which way the loss leads.

    Of parameters that do not learn the qualified names of the first ones (`(unregistered)` for one of no module), how
    many there are, which share of their matrices is as it was drawn, and their numbers in all.
    """

    used: int  # numbers that the loss depends on, as parameters,
    held: int  # and those of them that an optimizer has
    matrices: int  # of these parameters, those with several dimensions
    untrained: tuple[str, ...]  # that a gradient reaches and no optimizer has
    untrained_count: int
    untrained_share_fresh: float
    untrained_numel: int
    output_untrained: bool  # whether the matrix that is used last is one of them
    frozen: tuple[str, ...]  # that need no gradient
    frozen_count: int
    frozen_share_fresh: float
    frozen_numel: int
    cut: tuple[str, ...]  # that an optimizer has and no gradient reaches
    cut_count: int
    cut_share_fresh: float
    cut_numel: int
    cut_on_purpose: bool  # whether all calls that use them were made without gradients
    unregistered: int  # parameters that no module knows of
    slope: float  # of the loss along its own loss call: -1 where it rewards errors, 0 where that is unknown
    share: float  # of the loss that is its loss call's; the rest is a penalty
    broadcast: Broadcast | None  # None where shapes agree
    linear_layers: int  # that together are one linear function of the inputs


@dataclass(frozen=True)
class LoadedWeights:
    """`load_state_dict` gave a module weights before the first step."""

    tensors: int  # that the module was given
    of: int  # tensors that the module has


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


@dataclass(frozen=True)
class Wiring:
    """What one of an optimizer's first steps shows of its gradients."""

    gradients_cleared: bool  # whether a backward pass that fed it began with clear ones
    gradients_wiped: bool  # whether what backward passes had left was gone when it began
    unheld: tuple[str, ...]  # the first of the model's parameters that no optimizer has, by qualified name
    unheld_count: int
    unreached: tuple[str, ...]  # the first of the weights in use that it has and that no gradient has reached
    evaluation_mode: tuple[str, ...]  # the first of the dropout and normalisation modules in that mode
    is_fed: bool = True  # whether a backward pass was made for it; not told of a step by hand
    with_gradient: int | None = None  # of the optimizer's parameters; None for a step by hand
    held: int | None = None  # parameters that the optimizer has; None for a step by hand
