"""What a direction did in a run: its recurrence from the course that it took, with its noise, and held against another.

The change of a coordinate is regressed on its place and, under a rule that has a memory, on its last change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot, inf, isfinite, sqrt

from descend.dynamics.prediction import Kind, LinearRule, Motion, motion, recurrence
from descend.interval import tail_of_f

TOLD = 2.0  # standard errors from 1 at which a rate is taken for another
ALIKE = 1e-6  # of its length: what is left of the second column, where only one root is at work
LEVEL = 0.05  # of the test of agreement;
TOLERANCE = 0.05  # or so near, of the root's distance from 1: a cost is no quadratic


@dataclass(frozen=True)
class Observation:
    """How a direction moved: change = pull·place (+ memory·last change), by least squares.

    coefficients: pull and memory, or the pull alone; triangle: R of the columns' QR; noise: the standard deviation of
    what is left over, with so many degrees of `freedom`.
    """

    coefficients: tuple[float, ...]
    triangle: tuple[tuple[float, ...], ...]
    noise: float
    freedom: int

    @property
    def motion(self) -> Motion:
        """What its recurrence does."""
        pull, memory = (*self.coefficients, 0.0)[:2]
        return motion(1 + pull + memory, memory)

    @property
    def standard_error(self) -> float:
        """Of the rate, to first order; infinite where two roots meet."""
        root = self.motion.root
        pull, memory = (*self.coefficients, 0.0)[:2]
        apart = 2 * root.real - (1 + pull + memory)  # of the two roots, where they are real
        if len(self.coefficients) == 1:
            slopes = [1.0]
        elif root.imag:
            slopes = [0.0, 1 / (2 * abs(root))]
        else:
            slopes = [root.real / apart, (root.real - 1) / apart] if apart else [inf, inf]
        loads = list[float]()
        for k, slope in enumerate(slopes):  # Rᵀ·loads = slopes
            loads.append((slope - sum(self.triangle[j][k] * loads[j] for j in range(k))) / self.triangle[k][k])
        return self.noise * hypot(*loads) if self.noise else 0.0

    @property
    def kind(self) -> Kind:
        """What it did, where that is beyond its noise."""
        found = self.motion
        return found.kind if abs(found.rate - 1) >= TOLD * self.standard_error else "undecided"


@dataclass(frozen=True)
class Agreement:
    """How far what was observed lies from what was predicted: F of the difference, and the chance of a larger one.

    apart: the distance between the two roots, of the predicted one's distance from 1.
    """

    statistic: float
    p_value: float
    apart: float

    @property
    def holds(self) -> bool:
        """Whether noise explains the difference, or it is small."""
        return self.p_value >= LEVEL or self.apart <= TOLERANCE


def observed(course: Sequence[float], gradient: float, curvature: float, *, memory: bool) -> Observation:
    """Return how a direction moved, from the parameters' coordinate along it at successive steps.

    gradient, curvature: the cost's slope and second derivative along it at the first of them, which say where its
    centre lies. memory: whether the rule has one. Raises `ValueError` for too few points, for one that is not finite,
    and where nothing moves.
    """
    least = 6 if memory else 4
    if len(course) < least or not all(map(isfinite, (*course, gradient, curvature))):
        raise ValueError(f"a course must have at least {least} finite points, not {list(course)[:9]}")
    if len(set(course[:-2])) == 1:
        raise ValueError(f"the direction rests at {course[0]}: nothing of its motion is seen")
    changes = [after - before for before, after in pairwise(course)]
    if curvature:
        places = [x - course[0] + gradient / curvature for x in course]
    else:  # no centre: but the changes follow the same recurrence
        places, changes = changes, [after - before for before, after in pairwise(changes)]
    return _regressed([places[1:-1], changes[:-1]], changes[1:]) if memory else _regressed([places[:-1]], changes)


def agreement(observation: Observation, rule: LinearRule, lr: float, curvature: float) -> Agreement:
    """Return how well what was observed agrees with what the rule does to that curvature."""
    trace, determinant = recurrence(rule, lr, curvature)
    root = motion(trace, determinant).root
    several = len(observation.coefficients) > 1
    expected = [trace - determinant - 1, determinant] if several else [root.real - 1]
    apart = [seen - said for seen, said in zip(observation.coefficients, expected)]
    length = hypot(*(sum(r * d for r, d in zip(row, apart)) for row in observation.triangle))
    statistic = _ratio(length, observation.noise) ** 2 / len(apart)
    distance = _ratio(abs(observation.motion.root - root), abs(root - 1))
    return Agreement(statistic, tail_of_f(statistic, len(apart), observation.freedom), distance)


def _ratio(part: float, of: float) -> float:
    return part / of if of else inf if part else 0.0


def _regressed(columns: list[list[float]], target: list[float]) -> Observation:
    """Return least squares by Gram and Schmidt, of one column or of two that differ."""
    first = columns[0]
    length = hypot(*first)
    units = [[v / length for v in first]]
    triangle: list[tuple[float, ...]] = [(length,)]
    if len(columns) > 1:
        shared = sum(u * v for u, v in zip(units[0], columns[1]))
        rest = [v - shared * u for u, v in zip(units[0], columns[1])]
        left = hypot(*rest)
        if left > ALIKE * hypot(*columns[1]):
            units.append([v / left for v in rest])
            triangle = [(length, shared), (0.0, left)]
    along = [sum(u * y for u, y in zip(unit, target)) for unit in units]
    over = [y - sum(a * u for a, u in zip(along, row)) for y, row in zip(target, zip(*units))]
    freedom = len(target) - len(units)
    coefficients = [along[-1] / triangle[-1][-1]]
    if len(units) > 1:
        coefficients.insert(0, (along[0] - triangle[0][1] * coefficients[0]) / length)
    return Observation(tuple(coefficients), tuple(triangle), hypot(*over) / sqrt(freedom), freedom)
