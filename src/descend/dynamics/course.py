"""What a direction did in a run: the α·λ that its course shows under the rule, with its noise, beside a predicted one.

The recurrence x′ = s·x − p·x⁻ of a linear rule is linear in α·λ, so that one regression tells it. A direction that has
settled does not move by itself any more, but follows what the others do to its centre: its course then shows no α·λ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot, inf, isfinite, sqrt
from typing import Literal

from descend.dynamics.prediction import Kind, LinearRule, Motion, motion, recurrence
from descend.ground.interval import tail_of_f

FEWEST = 6  # points of a course
TOLD = 2.0  # standard errors by which a rate is told from 1
SMOOTH, EXPLAINED = 0.5, 0.95  # correlation of what is left over with itself, and the share explained: else driven
LEVEL = 0.05  # of the test of agreement,
TOLERANCE = 0.1  # or so near, of the predicted α·λ: a cost is no quadratic


@dataclass(frozen=True)
class Observation:
    """How a direction moved under its rule.

    length: the α·λ that its course shows; explained: the share of its accelerations that this accounts for;
    correlation: of what is left over, from one step to the next: 0 where it is noise; freedom: points left over.
    """

    rule: LinearRule
    lr: float
    length: float
    standard_error: float
    explained: float
    correlation: float
    freedom: int

    @property
    def motion(self) -> Motion:
        """What the rule does at that α·λ."""
        return self._at(self.length)

    @property
    def kind(self) -> Kind | Literal["driven", "undecided"]:
        """What it did: "driven" where others move its centre, "undecided" where noise hides whether it diverges."""
        if self.explained < EXPLAINED and self.correlation > SMOOTH:
            return "driven"
        ends = [self._at(self.length + sign * TOLD * self.standard_error).rate for sign in (-1, 1)]
        if self.standard_error and min(ends) < 1 < max(ends):
            return "undecided"
        return self.motion.kind

    def _at(self, length: float) -> Motion:
        return motion(*recurrence(self.rule, self.lr, length / self.lr))


@dataclass(frozen=True)
class Agreement:
    """How far the observed α·λ lies from the predicted one: in standard errors, the chance of more, and its share."""

    statistic: float
    p_value: float
    apart: float

    @property
    def is_near(self) -> bool:
        """Whether the difference is small, whatever the noise."""
        return self.apart <= TOLERANCE

    @property
    def holds(self) -> bool:
        """Whether noise explains the difference, or it is small."""
        return self.p_value >= LEVEL or self.is_near


def observed(course: Sequence[float], gradient: float, curvature: float, rule: LinearRule, lr: float) -> Observation:
    """Return how a direction moved, from the parameters' coordinate along it at successive steps.

    gradient, curvature: the cost's slope and second derivative along it at the first of them, which say where its
    centre lies. Raises `ValueError` for fewer than 6 points, for one that is not finite, and where nothing moves.
    """
    if len(course) < FEWEST or not all(map(isfinite, (*course, gradient, curvature))):
        raise ValueError(f"a course must have at least {FEWEST} finite points, not {list(course)[:9]}")
    if len(set(course[:-1])) == 1:
        raise ValueError(f"the direction rests at {course[0]}: nothing of its motion is seen")
    changes = [after - before for before, after in pairwise(course)]
    if curvature:
        places = [x - course[0] + gradient / curvature for x in course]
    else:  # no centre: but the changes follow the same recurrence
        places, changes = changes, [after - before for before, after in pairwise(changes)]
    shrinks = lr * rule.decay
    pulls, pushed = list[float](), list[float]()
    for before, here, last, change in zip(places, places[1:], changes, changes[1:]):
        pulls.append(rule.memory * rule.direct * before - rule.now * here)
        pushed.append(change - rule.memory * last + shrinks * (here - rule.memory * before))
    if not rule.memory:  # then the first step tells something, too
        pulls.insert(0, -rule.now * places[0])
        pushed.insert(0, changes[0] + shrinks * places[0])
    return _regressed(pulls, pushed, rule, lr)


def _regressed(pulls: list[float], pushed: list[float], rule: LinearRule, lr: float) -> Observation:
    """Return the regression of `pushed` on `pulls` through the origin."""
    size = hypot(*pulls)
    if not size:
        raise ValueError("the direction rests at its centre: nothing of its motion is seen")
    units = [pull / size for pull in pulls]
    along = sum(u * p for u, p in zip(units, pushed))
    rest = [p - along * u for u, p in zip(units, pushed)]
    left, all_of_it = hypot(*rest), hypot(*pushed)
    freedom = len(rest) - 1
    correlation = sum((a / left) * (b / left) for a, b in pairwise(rest)) if left else 0.0
    explained = 1 - (left / all_of_it) ** 2 if all_of_it else 1.0
    return Observation(rule, lr, along / size, left / sqrt(freedom) / size, explained, correlation, freedom)


def agreement(observation: Observation, curvature: float) -> Agreement:
    """Return how well the course agrees with that curvature, an eigenvalue."""
    expected = observation.lr * curvature
    off = abs(observation.length - expected)
    statistic = _ratio(off, observation.standard_error)
    return Agreement(statistic, tail_of_f(statistic**2, 1, observation.freedom), _ratio(off, abs(expected)))


def _ratio(part: float, of: float) -> float:
    return part / of if of else inf if part else 0.0
