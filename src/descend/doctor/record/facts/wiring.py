"""Facts about wiring: which optimizer trains which parameters, in which mode, and what changes gradients."""

from dataclasses import dataclass

from descend.core.bound import Bound

REVERSED = Bound(
    -0.99,
    "cosine between the optimizer's gradients and the gradients of the loss",
    "chosen: gradients with flipped sign have a cosine of -1, and clipping does not change signs",
)


@dataclass(frozen=True)
class Alterations:
    """The script's own changes in early steps: of gradients before a step, and of parameters between two steps."""

    # cosine between the gradients at the step and after the backward pass; None if they are equal
    cosine: float | None = None
    ratio: float = 1.0  # norm of the gradients at the step, divided by their norm after the backward pass
    # norm of the parameter changes between steps, divided by the norm of the changes in steps
    between_steps: float = 0.0
    forgotten: int = 0  # number of steps before which the script discarded the optimizer's state

    @property
    def is_reversed(self) -> bool:
        """Whether the script reverses the sign of the gradients before the optimizer step."""
        return self.cosine is not None and self.cosine <= REVERSED


@dataclass(frozen=True)
class Broadcast:
    """Predictions and targets whose shapes broadcast, so that the loss compares each prediction with every target."""

    prediction: tuple[int, ...]  # shape of the predictions
    target: tuple[int, ...]  # shape of the targets
    result: tuple[int, ...]  # shape of the result after broadcasting
    operand: str  # side of the operator on which the targets are: left, right
    by_hand: bool  # whether the script computes the loss by its own formula instead of a torch function


@dataclass(frozen=True)
class Connections:
    """The parameters that the loss depends on, which of these are not trained, and the sign of the loss.

    Parameters that are not trained are given in four fields: the qualified names of the first ones (`(unregistered)`
    without a module), their number, the share of their matrices with initial values, and their number of elements.
    """

    used: int  # number of parameter elements that the loss depends on
    held: int  # number of parameter elements that the loss depends on and an optimizer holds
    matrices: int  # number of parameters with several dimensions that the loss depends on
    untrained: tuple[str, ...]  # parameters that have a gradient, but are in no optimizer
    untrained_count: int
    untrained_share_fresh: float
    untrained_numel: int
    output_untrained: bool  # whether the last weight matrix of the network is one of the untrained parameters
    frozen: tuple[str, ...]  # parameters with requires_grad=False
    frozen_count: int
    frozen_share_fresh: float
    frozen_numel: int
    cut: tuple[str, ...]  # parameters that the loss depends on and an optimizer holds, but that have no gradient
    cut_count: int
    cut_share_fresh: float
    cut_numel: int
    cut_on_purpose: bool  # whether all calls that use the parameters without gradients ran under no_grad
    unregistered: int  # number of parameters that belong to no module
    slope: float  # sign of the loss function in the loss: -1 if the loss decreases with larger errors, 0 if unknown
    share: float  # share of the loss that comes from the loss function; the rest is a penalty
    # predictions and targets of different shapes that broadcast; None if their shapes are equal
    broadcast: Broadcast | None
    linear_layers: int  # number of consecutive linear layers without an activation between them


@dataclass(frozen=True)
class LoadedWeights:
    """The number of tensors that a `load_state_dict` call before the first step loaded into a module."""

    tensors: int  # number of tensors that were loaded
    of: int  # number of all tensors of the module


@dataclass(frozen=True)
class PartlyLoaded:
    """A call of `load_state_dict` that left some of the module's tensors unchanged.

    If a later call loaded these tensors, only `missing` is set.
    """

    missing: int  # number of the module's tensors that are not in the checkpoint
    of: int = 0  # number of tensors of the module
    first: str = ""  # the module's name for the first missing tensor
    # the name in the checkpoint of the first missing tensor, or the first name that the module lacks
    unexpected: str = ""
    prefix: str | None = None  # prefix of the names on one side only; None if the names do not differ by a prefix
    is_extra: bool = False  # whether the prefix is in the checkpoint's names, rather than the module's
    names: int = 0  # number of tensors whose names match after the prefix is corrected


@dataclass(frozen=True)
class OwnWeightsLoaded:
    """A call of `load_state_dict` that gives a module its own weights, so that nothing changes."""

    tensors: int  # number of tensors of the module
    module: str  # variable that holds the module where the script loads the weights; "" if it is unknown
    source: str  # variable in the same scope of a trained module with tensors of the same names and shapes; "" without


@dataclass(frozen=True)
class NoTrainedParameters:
    """An optimizer that holds no parameter that the loss depends on."""

    count: int  # number of parameters that the loss depends on


@dataclass(frozen=True)
class CheckpointWithoutGradient:
    """An activation checkpoint with `use_reentrant=True` and no input that needs a gradient.

    Its parameters then receive no gradient.
    """

    parameters: int  # number of trainable parameters in the checkpointed module; 0 if it is a function


@dataclass(frozen=True)
class MadeInForward:
    """A layer that is constructed in each forward pass."""

    layer: str  # class name of the layer
    line: int


@dataclass(frozen=True)
class Modes:
    """Dropout and normalisation modules that are in evaluation mode during training, by qualified name."""

    evaluation: tuple[str, ...]
    # names of the normalisation layers among these modules that still have initial running statistics
    unfit: tuple[str, ...]


@dataclass(frozen=True)
class Wiring:
    """Which parameters have gradients at one of the first steps of an optimizer, and when gradients were cleared."""

    gradients_cleared: bool  # whether all gradients were zero or None before a backward pass of this step
    gradients_wiped: bool  # whether the gradients were cleared between the backward pass and the step
    unheld: tuple[str, ...]  # qualified names of model parameters that no optimizer holds; only the first are listed
    unheld_count: int
    unreached: tuple[
        str, ...
    ]  # parameters in use that the optimizer holds but that have no gradient; only the first are listed
    evaluation_mode: tuple[
        str, ...
    ]  # names of dropout and normalisation modules in evaluation mode; only the first are listed
    is_fed: bool = True  # whether a backward pass preceded the step; always True if there is no optimizer object
    # number of the optimizer's parameters with a gradient; None if there is no optimizer object
    with_gradient: int | None = None
    held: int | None = None  # number of the optimizer's parameters; None if there is no optimizer object
    # model parameters that no optimizer holds, although this one holds former parameters of the same shapes
    replaced: tuple[str, ...] = ()
    # whether the script itself has changed the parameters that no optimizer holds, since the last step
    rewritten: bool = False
    lost: int = 0  # number of backward passes whose gradients were cleared by the next one, before the step
