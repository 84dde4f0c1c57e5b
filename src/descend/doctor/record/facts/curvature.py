"""What was seen of the curvature of a script's cost at a point of its run."""

from dataclasses import dataclass
from typing import NamedTuple

from descend.doctor.record.facts.shown import Extent, Settings


class Eigenvalue(NamedTuple):
    """An eigenvalue, and how far its vector is from being an eigenvector."""

    value: float
    residual: float  # ‖Hv − λv‖ of a v of length 1


@dataclass(frozen=True)
class CurvaturePoint(Extent):
    """The cost and its gradient at a point, and the rule that is about to step from there."""

    loss: float
    gradient_norm: float
    evaluation: bool  # looked at in evaluation mode
    optimizer: Settings  # empty where there is none


@dataclass(frozen=True)
class Eigenvalues:
    """The largest and the smallest eigenvalues of the Hessian."""

    top: tuple[Eigenvalue, ...]  # largest first
    bottom: tuple[Eigenvalue, ...]  # smallest first
    products: int  # Hessian-vector products spent
    noise: float  # what rounding hides of a product: how far they are from those of a symmetric matrix


@dataclass(frozen=True)
class PointKind:
    """What kind of point it is: a minimum, a saddle, no critical point, …"""

    kind: str
    how: str  # the grounds, as a sentence
    noise: float  # standard error of the full batch's gradient, over its batches; NaN of one
    p_value: float  # the chance of so long a gradient where its expectation is 0; NaN of few batches


@dataclass(frozen=True)
class Direction:
    """One eigenvector of the curvature, and how the run moves along it."""

    curvature: float  # its eigenvalue
    residual: float  # of that eigenvalue
    gradient: float  # the slope along it where the path begins
    course: tuple[float, ...]  # the coordinate along it at each step of the path, from 0


@dataclass(frozen=True)
class Directions:
    """The eigenvectors of the cost that the rule descends, and the run's way along each."""

    rescaled: bool  # they are those of P⁻¹H, in the coordinates in which the rule is gradient descent
    steps: tuple[int, ...]  # of the path; none where it was not kept
    directions: tuple[Direction, ...]


@dataclass(frozen=True)
class GaussNewton:
    """The largest eigenvalues of the Gauss–Newton matrix, or why they are not known."""

    top: tuple[Eigenvalue, ...]  # largest first
    reason: str  # empty where they are known


@dataclass(frozen=True)
class TaylorErrors:
    """How far Taylor's approximations of the cost hold along one direction of length 1."""

    slope: float
    curvature: float
    distances: tuple[float, ...]  # rising, from the weights
    changes: tuple[float, ...]  # of the cost, at each distance
    floor: float  # what rounding hides of a change
    breaks_at: float | None  # where the quadratic model is off by a tenth of the change; None: nowhere that was seen
    first_errors: tuple[float, ...]  # magnitudes by which the linear model is off, at each distance
    second_errors: tuple[float, ...]  # and the quadratic one
    length: float  # of all parameters


@dataclass(frozen=True)
class Taylor:
    """How far Taylor's approximations of the cost hold along some directions."""

    along: dict[str, TaylorErrors]  # downhill, top eigenvector, random; none along a direction of 0


@dataclass(frozen=True)
class Spectrum:
    """The density of the Hessian's eigenvalues, and its trace."""

    values: tuple[float, ...]  # points of the density
    weights: tuple[float, ...]  # shares of the eigenvalues that each stands for
    trace: tuple[float, ...]  # samples whose mean it is; a single one is exact
    layers: dict[str, tuple[float, ...]]  # of each parameter's own block: samples of its trace
    products: int  # Hessian-vector products spent
    is_exact: bool  # all eigenvalues are known


@dataclass(frozen=True)
class ConditionNumber:
    """The largest magnitude of an eigenvalue over the smallest, and the signs that were seen."""

    number: float  # NaN without any curvature
    is_bound: bool  # it is at least so large
    largest: float  # magnitude of an eigenvalue
    smallest: float  # some eigenvalue's magnitude is at most so large
    zero: float  # magnitude that cannot be told from 0
    definiteness: str  # positive definite, indefinite, …
    chance: float  # that an eigenvalue of another sign was missed
    least: float  # no eigenvalue lies below, but for 1 in 20
