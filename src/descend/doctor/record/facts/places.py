"""Calls and statements that stand where a mistake may be, each with an edit of it that a trial can make."""

from dataclasses import dataclass
from typing import Literal

# What an edit makes otherwise by design. `inputs`: those of all examples, in training and in evaluation. `targets`:
# those that the loss is given; the evaluation keeps its own. `pairs`: which target belongs to which input; all values
# stay. `evaluation`: what the script measures, where the fault is in that. The rest of the task has to be the same.
Remade = Literal["inputs", "targets", "pairs", "evaluation"]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One way in which a call could be otherwise."""

    edit: str  # skip, turn, exchange, set, invert
    argument: int | None = None  # `exchange`: from 0, which argument changes places with the next one
    keyword: str | None = None  # `set`: which argument
    index: int | None = None  # `set`: at which place behind the first argument it may stand, or -1
    value: int | bool | None = None  # `set`: to what


@dataclass(frozen=True, kw_only=True)
class Editable:
    """A call or a statement that is an edit's place."""

    line: int  # of the script
    edit: str  # how it could be otherwise

    @property
    def remakes(self) -> frozenset[Remade]:
        """What an edit there makes otherwise by design."""
        return frozenset()


@dataclass(frozen=True, kw_only=True)
class EditableCall(Editable):
    """A call that is an edit's place."""

    function: str  # its name


@dataclass(frozen=True, kw_only=True)
class OnTheWay(EditableCall, Edit):
    """A call on tensors that are on the way from the data to the loss."""

    feeds: bool  # the network is given what comes of it; else the loss is, or it is behind the network


@dataclass(frozen=True, kw_only=True)
class OnInputs(OnTheWay):
    """A call that makes what the network, or what it says, meets, of data alone."""

    @property
    def remakes(self) -> frozenset[Remade]:
        """The inputs, or the targets of the loss; no edit is made where it would remake both."""
        return frozenset({"inputs" if self.feeds else "targets"})


@dataclass(frozen=True, kw_only=True)
class OnLoss(OnTheWay):
    """A call on what the network says, behind its last parameter."""

    @property
    def remakes(self) -> frozenset[Remade]:
        """The targets of the loss: the call may exchange them for the predictions."""
        return frozenset({"targets"})


@dataclass(frozen=True, kw_only=True)
class OnEvaluated(OnTheWay):
    """A call that an evaluation alone has before the network."""

    @property
    def remakes(self) -> frozenset[Remade]:
        """The inputs: those of the evaluation become as those of the training are."""
        return frozenset({"inputs"})


@dataclass(frozen=True, kw_only=True)
class OnMeasured(EditableCall, Edit):
    """A call on what the network says where it is evaluated: with this edit the right answers stand out."""

    @property
    def remakes(self) -> frozenset[Remade]:
        """What the script measures: the fault is there, and the training stays."""
        return frozenset({"evaluation"})


@dataclass(frozen=True, kw_only=True)
class OfLoss(EditableCall):
    """A call that makes of the whole loss another number: a factor, a power."""


@dataclass(frozen=True, kw_only=True)
class OnFetched(EditableCall):
    """A call by which a data set makes its examples, where only those of the training go through it."""

    @property
    def remakes(self) -> frozenset[Remade]:
        """The inputs."""
        return frozenset({"inputs"})


@dataclass(frozen=True, kw_only=True)
class OnNetwork(EditableCall):
    """A call within the network that lets little of the gradient pass."""

    passes: float  # the share of the gradient's length


@dataclass(frozen=True, kw_only=True)
class Crossing(EditableCall):
    """The call that keeps the loss up, whatever what stands before it may say; each of the losses is a least one."""

    line: int  # 0 where it does not show
    edit: str = ""  # "" where the loss cannot do without the call
    before: float  # with any values before it
    behind: float  # with any values behind it
    constant: float  # with one answer for all examples
    in_head: bool  # it stands between the network's output and the loss
    has_parameters: bool


@dataclass(frozen=True, kw_only=True)
class LossTerm(Editable):
    """A term of the loss whose gradient is far shorter or longer than that of others."""

    pull: float  # the norm of its gradient
    factor: float  # what takes it across the gap to those others
    side: int  # of the sum in that line, on which it stands: 0 or 1


@dataclass(frozen=True, kw_only=True)
class Prepared(Editable):
    """A statement beside the training that makes something else of what a name holds, or a call in one."""

    function: str | None = None  # `skip`: the call's name
    moved: str | None = None  # `partner`: the name that it changes
    partner: str | None = None  # `partner`: the name that goes with it, and that it does not change
    is_followed: bool = False  # whether the file shows which statements the targets come from
    moves_targets: bool = False  # the targets come from it, and without it they are in another order

    @property
    def remakes(self) -> frozenset[Remade]:
        """The inputs, or which target belongs to which input."""
        return frozenset({"inputs", "pairs"} if self.moves_targets else {"inputs"})
