"""Facts about the loss on a plane, or along lines, through one point of a run."""

from dataclasses import dataclass

from descend.doctor.record.facts.shown import NetworkSize

Place = tuple[int, ...]  # index of a grid point along each axis, on the finest grid
Written = float | str  # a number; infinity and NaN are texts that `float` can read, because JSON has no such numbers


@dataclass(frozen=True)
class SurfacePoint(NetworkSize):
    """The loss at the point of a run around which the loss is plotted, and the plot's settings."""

    loss: Written
    evaluation: bool  # whether the loss is computed in evaluation mode
    draws: bool  # whether computing the loss draws random numbers
    directions: str  # how the directions are chosen: random, eigenvectors, path, through
    points: int  # number of loss values to compute for each plane or line


@dataclass(frozen=True)
class Axis:
    """A direction in parameter space along which the loss is computed."""

    kind: str  # kind of the direction: random, eigenvector, principal, chord
    number: int = 0  # index of a random or principal direction, counted from 1
    value: float | None = None  # the eigenvalue, if the direction is an eigenvector
    residual: float | None = None  # norm of the residual, if the direction is an approximate eigenvector
    share: float | None = None  # share of the path's variance that a principal direction explains
    ends: tuple[str, ...] = ()  # names of the two points that a chord connects


@dataclass(frozen=True)
class Trail:
    """The run's path through parameter space, projected onto a plotted plane; empty if it is not known."""

    steps: tuple[int, ...] = ()
    positions: tuple[tuple[float, ...], ...] = ()  # coordinates along each axis at each step
    # share of the squared distances from the point that the projection keeps; None if the path defines the plane
    held: float | None = None


@dataclass(frozen=True)
class SurfaceView:
    """A plane or a line on which the loss is computed, with the range along each axis."""

    ranges: tuple[tuple[float, float], ...]  # range along each axis, relative to the point at 0
    axes: tuple[Axis, ...]
    of: tuple[
        Written, ...
    ]  # numbers that identify this plane or line, computed from weights, directions, ranges and loss
    reused: int  # number of loss values that an earlier run has computed
    # whether an earlier run's loss values were discarded, because they belong to another plane or line
    is_begun_anew: bool
    trail: Trail
    by_chance: float | None = None  # share of the variance of a random walk that its own principal plane explains
    marks: dict[str, float] | None = None  # coordinates of named points on a chord


@dataclass(frozen=True)
class SurfaceValues:
    """The loss at some grid points of a plane or a line."""

    places: tuple[Place, ...]
    values: tuple[Written, ...]  # the loss at each of these grid points
