"""What was seen of a script's cost upon a plane, or along lines, through one point of its run."""

from dataclasses import dataclass

from descend.doctor.record.facts.shown import Extent

Place = tuple[int, ...]  # on the finest grid, along each axis
Written = float | str  # a number; what is not finite by its name, which `float` reads


@dataclass(frozen=True)
class SurfacePoint(Extent):
    """The cost at the point that is looked around, and what was asked for."""

    loss: Written
    evaluation: bool  # looked at in evaluation mode
    draws: bool  # the cost draws random numbers
    directions: str  # random, eigenvectors, path, through
    points: int  # values that are wanted of each view


@dataclass(frozen=True)
class Axis:
    """A direction that the cost is looked at along."""

    kind: str  # random, eigenvector, principal, chord
    number: int = 0  # from 1 on, of a random or principal one
    value: float | None = None  # the eigenvalue of an eigenvector,
    residual: float | None = None  # and that of the eigenvalue
    share: float | None = None  # of the path's squared distances, that a principal one holds
    ends: tuple[str, ...] = ()  # the names of both ends of a chord


@dataclass(frozen=True)
class Trail:
    """Where the run went, as it is seen on a plane: empty where that is not known."""

    steps: tuple[int, ...] = ()
    positions: tuple[tuple[float, ...], ...] = ()  # along each axis, at each step
    held: float | None = None  # the share of its squared distances from 0; None where the plane is the path's own


@dataclass(frozen=True)
class SurfaceView:
    """A plane, or a line, and how far it is looked at."""

    ranges: tuple[tuple[float, float], ...]  # along each axis, around the point at 0
    axes: tuple[Axis, ...]
    of: tuple[Written, ...]  # numbers that tell it from another: of weights, directions, ranges and the cost
    reused: int  # values of an earlier run that are used again
    is_begun_anew: bool  # those of an earlier run were of another view
    trail: Trail
    by_chance: float | None = None  # the share that a random walk's plane would hold, of the path's own plane
    marks: dict[str, float] | None = None  # positions of what is named on a chord


@dataclass(frozen=True)
class SurfaceValues:
    """The cost at some places of a view."""

    places: tuple[Place, ...]
    values: tuple[Written, ...]  # of each place
