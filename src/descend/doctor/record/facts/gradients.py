"""What was seen of gradients: where they are cut off, clipped, missing or infinite."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Clip:
    """The script clips its gradients by one of torch's functions."""

    function: str  # clip_grad_norm_, clip_grad_value_
    limit: float  # the norm or the value above which it cuts, in the gradient's unit


@dataclass(frozen=True)
class ConstantTerm:
    """The loss does not depend on the parameters, or a term of it does not: it was cut off from them."""

    derivatives: int  # values with a graph of their own that enter it and lead to no parameter
    is_whole: bool  # nothing of it leads to a parameter


@dataclass(frozen=True)
class IdleLoss:
    """A loss that stands in the script at a step without gradients, and that could train what is stepped."""

    variable: str  # its name in the script


@dataclass(frozen=True)
class Singular:
    """A root or a logarithm whose derivative is infinite at 0, of values that come near it."""

    function: str  # sqrt, log, norm, …
    least: float  # of the absolute values that it was given


@dataclass(frozen=True)
class GradientCheck:
    """The backward of an autograd Function of the script's own, against finite differences of its forward."""

    error: float  # of the gradient for the input that is worst, as a share of it
    input: int  # which one that is, from 0; -1 where there was nothing to compare


@dataclass(frozen=True)
class ModuleGradient:
    """The gradient of a module's parameters, against finite differences of the loss."""

    error: float  # as a share of it
