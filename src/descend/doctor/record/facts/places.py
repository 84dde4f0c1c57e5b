"""Calls and statements that may hold a mistake, each with an edit that a trial can test."""

from dataclasses import dataclass
from typing import Literal

# A part of the training task that an edit of the script may change on purpose. All other parts must stay the same.
Remade = Literal[
    "inputs",  # the inputs of all examples, in training and in evaluation
    "targets",  # the targets of the training loss, but not those of the evaluation
    "pairs",  # the assignment of targets to inputs, while their values stay the same
    "evaluation",  # the script's evaluation metric
]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """An edit of a function call in the script, such as a removal of the call or another argument."""

    edit: str  # what the edit does with the call: skip, turn, exchange, set, invert
    argument: int | None = None  # index of the argument that the edit `exchange` swaps with the next one
    keyword: str | None = None  # name of the argument that the edit `set` changes
    # position of this argument, counted from 0 after the first argument; -1 if it has only a name
    index: int | None = None
    value: int | bool | None = None  # new value of the argument that the edit `set` changes


@dataclass(frozen=True, kw_only=True)
class Editable:
    """A call or a statement in the script, and the kind of edit that may repair it."""

    line: int  # line number in the script
    edit: str  # the kind of edit

    @property
    def remakes(self) -> frozenset[Remade]:
        """The parts of the training task, such as the inputs, that the edit of this code changes on purpose."""
        return frozenset()


@dataclass(frozen=True, kw_only=True)
class EditableCall(Editable):
    """A function call in the script, and the kind of edit that may repair it."""

    function: str  # name of the called function


@dataclass(frozen=True, kw_only=True)
class DataPathCall(EditableCall, Edit):
    """A function call on tensors that are between the data and the loss, and an edit that may repair it."""

    feeds: bool  # whether the call's result is an input of the network, rather than of the loss


@dataclass(frozen=True, kw_only=True)
class OnInputs(DataPathCall):
    """A call that depends only on data, and whose result is an input of the network or compared with its outputs."""

    @property
    def remakes(self) -> frozenset[Remade]:
        """The part of the training task that the edit changes: either the network's inputs or the loss's targets."""
        return frozenset({"inputs" if self.feeds else "targets"})


@dataclass(frozen=True, kw_only=True)
class OnLoss(DataPathCall):
    """A call on the network's outputs, after the last layer that has parameters."""

    @property
    def remakes(self) -> frozenset[Remade]:
        """The part of the task that the edit may change: the loss's targets, if it swaps them with the predictions."""
        return frozenset({"targets"})


@dataclass(frozen=True, kw_only=True)
class OnEvaluated(DataPathCall):
    """A call on the network's inputs that only the evaluation makes."""

    @property
    def remakes(self) -> frozenset[Remade]:
        """The part of the task that the edit changes: the evaluation's inputs, which should match those of training."""
        return frozenset({"inputs"})


@dataclass(frozen=True, kw_only=True)
class OnMeasured(EditableCall, Edit):
    """A call on the network's outputs in the evaluation. After the edit, the metric distinguishes right from wrong."""

    @property
    def remakes(self) -> frozenset[Remade]:
        """The part of the task that the edit changes: the script's evaluation metric, not the training."""
        return frozenset({"evaluation"})


@dataclass(frozen=True, kw_only=True)
class OfLoss(EditableCall):
    """A call that transforms the whole loss, such as a factor or a power."""


@dataclass(frozen=True, kw_only=True)
class OnFetched(EditableCall):
    """A call that a dataset makes only for training examples, such as an augmentation."""

    @property
    def remakes(self) -> frozenset[Remade]:
        """The part of the task that the edit changes: the inputs of the training examples."""
        return frozenset({"inputs"})


@dataclass(frozen=True, kw_only=True)
class OnNetwork(EditableCall):
    """A call within the network that reduces the gradient strongly in backpropagation."""

    passes: float  # gradient norm after backpropagation through the call, as a share of the norm before


@dataclass(frozen=True, kw_only=True)
class Crossing(EditableCall):
    """The call of the forward pass that keeps the loss high, whatever values the earlier calls compute."""

    line: int  # line of the call; 0 if unknown
    edit: str = ""  # kind of the edit; "" if the call cannot be left out
    before: float  # lowest loss over all possible inputs of the call
    after: float  # lowest loss over all possible results of the call
    constant: float  # lowest loss of a prediction that is the same for all examples
    in_head: bool  # whether the call is between the network's output and the loss
    has_parameters: bool


@dataclass(frozen=True, kw_only=True)
class LossTerm(Editable):
    """A term of the loss with a far smaller or larger gradient norm than the other terms."""

    pull: float  # gradient norm of the term
    # factor by which to multiply the term, so that its gradient norm is similar to that of the other terms
    factor: float
    side: int  # position of the term in the sum of two terms in that line: 0 or 1


@dataclass(frozen=True, kw_only=True)
class Prepared(Editable):
    """A statement outside the training loop, or a call in such a statement, that changes the data in a variable."""

    function: str | None = None  # name of the called function, if the edit is `skip`
    # variable that the statement changes, if the edit is `partner`, which changes a second variable the same way
    moved: str | None = None
    # variable that belongs with the changed one but is left unchanged, such as its targets, if the edit is `partner`
    partner: str | None = None
    reorders: bool = False  # whether the edit only changes the order of values, perhaps of the targets

    @property
    def remakes(self) -> frozenset[Remade]:
        """The parts of the task that the edit may change: the inputs and, if it reorders values, the pairs."""
        return frozenset({"inputs", "pairs"} if self.reorders else {"inputs"})


@dataclass(frozen=True, kw_only=True)
class LeftLoop(Editable):
    """A `break` without a condition, which ends each pass of the training loop in its first iteration."""

    loop: int  # line of the loop

    @property
    def remakes(self) -> frozenset[Remade]:
        """The parts of the task that the edit changes: without the `break`, other examples are drawn."""
        return frozenset({"inputs", "pairs"})
