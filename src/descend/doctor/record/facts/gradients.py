"""Facts about gradients: clipped, detached, missing or infinite ones."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Clip:
    """A call in the script of one of torch's gradient clipping functions."""

    function: str  # name of the function: clip_grad_norm_, clip_grad_value_
    limit: float  # the norm or value to which gradients are clipped


@dataclass(frozen=True)
class LateClipping:
    """Calls that clip gradients after a step and before the next backward pass, so that no step uses the result."""

    calls: int  # number of such calls in the first steps


@dataclass(frozen=True)
class ConstantTerm:
    """A loss that contains derivatives without an autograd graph, so that their gradient is zero."""

    derivatives: int  # number of tensors from `torch.autograd.grad` in the loss that have no autograd graph
    is_whole: bool  # whether a whole term of the loss has no autograd graph, rather than a part of it


@dataclass(frozen=True)
class IdleLoss:
    """A loss that the script computes but never backpropagates, while the optimizer steps without gradients."""

    variable: str  # the loss variable's name in the script


@dataclass(frozen=True)
class Singular:
    """A root or logarithm, whose derivative is infinite at 0, applied to values near 0."""

    function: str  # name of the function: sqrt, log, norm, …
    least: float  # smallest absolute value of the function's input


@dataclass(frozen=True)
class GradientCheck:
    """The error of the backward pass of the script's own `autograd.Function`, measured by finite differences."""

    error: float  # largest relative error among the gradients of the function's inputs
    input: int  # index of the input with the largest error, counted from 0; -1 if nothing could be compared


@dataclass(frozen=True)
class ModuleGradient:
    """The error of the gradient of a module's parameters, measured by finite differences of the loss."""

    error: float  # difference of the gradient from finite differences, as a share of its size
