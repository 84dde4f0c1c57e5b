"""Facts about the curvature of the loss at one point of a run."""

from dataclasses import dataclass
from typing import NamedTuple

from descend.doctor.record.facts.shown import NetworkSize, Settings


class Eigenvalue(NamedTuple):
    """An approximate eigenvalue of a matrix, and the residual norm of its eigenvector."""

    value: float
    residual: float  # ‖Hv − λv‖ for the matrix H, the eigenvalue λ and its approximate eigenvector v of length 1


@dataclass(frozen=True)
class CurvaturePoint(NetworkSize):
    """The loss and the gradient norm at one point of a run, and the run's optimizer settings."""

    loss: float
    gradient_norm: float
    evaluation: bool  # whether the loss is measured in evaluation mode
    optimizer: Settings  # the optimizer's settings; empty if there is no optimizer


@dataclass(frozen=True)
class Eigenvalues:
    """The largest and the smallest eigenvalues of the Hessian."""

    top: tuple[Eigenvalue, ...]  # the largest eigenvalues, in descending order
    bottom: tuple[Eigenvalue, ...]  # the smallest eigenvalues, in ascending order
    products: int  # number of Hessian-vector products that were computed
    noise: float  # estimated rounding error of a Hessian-vector product, from the asymmetry of the computed Hessian


@dataclass(frozen=True)
class PointKind:
    """The kind of a point of the loss function: a minimum, a saddle point or another kind."""

    kind: str
    how: str  # a sentence that gives the evidence for this kind
    noise: float  # standard error of the full gradient, from the gradients of its batches; NaN for one batch
    p_value: float  # p-value of the hypothesis that the expected gradient is 0; NaN for few batches


@dataclass(frozen=True)
class Direction:
    """One eigenvector of the Hessian, and the run's position along it at each step."""

    curvature: float  # the eigenvalue
    residual: float  # norm of the residual Hv − λv of the approximate eigenvector v
    gradient: float  # slope of the loss along the eigenvector at the start of the path
    course: tuple[float, ...]  # the run's coordinate along the eigenvector at each step of the path, starting at 0


@dataclass(frozen=True)
class Directions:
    """The eigenvectors of the largest Hessian eigenvalues, and the run's coordinates along each of them."""

    rescaled: bool  # whether these are eigenvectors of P⁻¹H, where P is the optimizer's preconditioner
    steps: tuple[int, ...]  # numbers of the steps on the run's path; empty if the path was not recorded
    directions: tuple[Direction, ...]


@dataclass(frozen=True)
class GaussNewton:
    """The largest eigenvalues of the Gauss–Newton matrix, or the reason why they are not known."""

    top: tuple[Eigenvalue, ...]  # the largest eigenvalues, in descending order
    reason: str  # the reason why the eigenvalues are not known; empty if they are known


@dataclass(frozen=True)
class TaylorErrors:
    """Errors of the first- and second-order Taylor approximations along one direction of length 1."""

    slope: float
    curvature: float
    distances: tuple[float, ...]  # distances from the present weights, in ascending order
    changes: tuple[float, ...]  # change of the loss at each distance
    floor: float  # rounding error of the values in `changes`
    # distance at which the quadratic approximation's error reaches 10 % of the loss change; None if it never does
    breaks_at: float | None
    first_errors: tuple[float, ...]  # absolute errors of the linear approximation at each distance
    second_errors: tuple[float, ...]  # absolute errors of the quadratic approximation at each distance
    length: float  # norm of the vector of all parameters


@dataclass(frozen=True)
class Taylor:
    """Errors of Taylor approximations of the loss along several directions."""

    # errors by direction: downhill, top eigenvector, random; a direction of length 0 is left out
    along: dict[str, TaylorErrors]


@dataclass(frozen=True)
class Spectrum:
    """The distribution of the Hessian's eigenvalues, and estimates of its trace."""

    values: tuple[float, ...]  # representative eigenvalues; `weights` holds the share that each one represents
    weights: tuple[float, ...]  # share of all eigenvalues that each entry of `values` represents
    trace: tuple[float, ...]  # several estimates of the trace, or its exact value alone
    # for each parameter, estimates of the trace of its diagonal block of the Hessian
    layers: dict[str, tuple[float, ...]]
    products: int  # number of Hessian-vector products that were computed
    is_exact: bool  # whether all eigenvalues are known


@dataclass(frozen=True)
class ConditionNumber:
    """The condition number of the Hessian, and the signs of its eigenvalues."""

    number: float  # largest magnitude of an eigenvalue divided by the smallest; NaN if all eigenvalues are 0
    is_bound: bool  # whether `number` is only a lower bound of the condition number
    largest: float  # largest magnitude of an eigenvalue
    smallest: float  # smallest magnitude of an eigenvalue, or an upper bound of it
    zero: float  # magnitude below which an eigenvalue counts as 0
    definiteness: str  # the signs of the eigenvalues: positive definite, indefinite, …
    chance: float  # probability that the Hessian has eigenvalues of another sign that were not found
    least: float  # number below which, with a confidence of 95 %, there is no eigenvalue
