"""Estimation of α·λ from the observed motion along one direction, and comparison with the predicted value.

α is the learning rate, λ the curvature. The recurrence x′ = s·x − p·x⁻ of a linear rule is linear in α·λ, so one
regression estimates it. A direction at rest only follows the other directions, so its motion does not show α·λ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot, inf, isfinite, sqrt
from typing import Literal

from descend.core.interval import tail_of_f
from descend.dynamics.prediction import Kind, LinearRule, Motion, classify_motion, recurrence_coefficients

FEWEST = 6  # smallest number of coordinates from which a motion can be estimated
# A motion counts as undecided if, of the two values this many standard errors below and above the estimated α·λ, one
# predicts growth and the other decay.
STANDARD_ERRORS = 2.0
# A motion is driven by other directions if the autocorrelation of its residuals is above the first limit, and the share
# of its accelerations that α·λ explains is below the second limit.
SMOOTH, EXPLAINED = 0.5, 0.95
LEVEL = 0.05  # significance level of the test that the observed α·λ equals the predicted one
TOLERANCE = 0.1  # largest relative difference between α·λ values that agree, because no loss is exactly quadratic


@dataclass(frozen=True)
class Observation:
    """The observed motion of the parameters along one direction, with an estimate of learning rate × curvature (α·λ).

    Parameters
    ----------
    rule : LinearRule
        The update rule.
    lr : float
        The learning rate α.
    length : float
        The estimated α·λ.
    standard_error : float
        The standard error of the estimate.
    explained : float
        The share of the accelerations that the estimate explains.
    correlation : float
        The correlation of the residuals of successive steps, 0 for noise.
    freedom : int
        The degrees of freedom of the residuals.
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
        """The motion that the update rule predicts for the estimated learning rate × curvature (α·λ)."""
        return self._predict_motion(self.length)

    @property
    def kind(self) -> Kind | Literal["driven", "undecided"]:
        """The kind of motion, such as "decays"; "driven" by other directions; "undecided" if it may decay or grow."""
        if self.explained < EXPLAINED and self.correlation > SMOOTH:
            return "driven"
        ends = [
            self._predict_motion(self.length + sign * STANDARD_ERRORS * self.standard_error).rate for sign in (-1, 1)
        ]
        if self.standard_error and min(ends) < 1 < max(ends):
            return "undecided"
        return self.motion.kind

    def _predict_motion(self, length: float) -> Motion:
        """Return the motion that the update rule predicts if learning rate × curvature is `length`."""
        return classify_motion(*recurrence_coefficients(self.rule, self.lr, length / self.lr))


@dataclass(frozen=True)
class Agreement:
    """The difference between an observed and a predicted learning rate × curvature (α·λ).

    Parameters
    ----------
    statistic : float
        The difference in standard errors.
    p_value : float
        The probability of so large a difference by noise.
    apart : float
        The difference relative to the predicted value.
    """

    statistic: float
    p_value: float
    apart: float

    @property
    def is_near(self) -> bool:
        """Whether the relative difference between observed and predicted α·λ is at most `TOLERANCE`."""
        return self.apart <= TOLERANCE

    @property
    def holds(self) -> bool:
        """Whether observed and predicted α·λ agree: noise can explain their difference, or it is small."""
        return self.p_value >= LEVEL or self.is_near


def observed(course: Sequence[float], gradient: float, curvature: float, rule: LinearRule, lr: float) -> Observation:
    """Estimate learning rate × curvature from the parameters' coordinates along one direction at successive steps.

    Parameters
    ----------
    course : sequence of float
        The coordinates at successive steps.
    gradient : float
        The first derivative of the loss along the direction, at the first step.
    curvature : float
        The second derivative of the loss along the direction, at the first step.
    rule : LinearRule
        The update rule.
    lr : float
        The learning rate α.

    Returns
    -------
    Observation
        The estimate of α·λ, with its standard error.

    Raises
    ------
    ValueError
        For fewer than 6 coordinates, for one that is not finite, and for a direction that does not move.
    """
    if len(course) < FEWEST or not all(map(isfinite, (*course, gradient, curvature))):
        raise ValueError(f"at least {FEWEST} finite coordinates are needed, but the coordinates are {list(course)[:9]}")
    if len(set(course[:-1])) == 1:
        raise ValueError(f"the coordinate stays at {course[0]}, so there is no motion to analyse")
    changes = [after - before for before, after in pairwise(course)]
    if curvature:
        places = [x - course[0] + gradient / curvature for x in course]
    else:  # Without curvature the coordinate has no centre, but its changes follow the same recurrence.
        places, changes = changes, [after - before for before, after in pairwise(changes)]
    shrinks = lr * rule.decay
    unit_changes, gradient_changes = list[float](), list[float]()
    for before, here, last, change in zip(places, places[1:], changes, changes[1:]):
        unit_changes.append(rule.memory * rule.direct * before - rule.now * here)
        gradient_changes.append(change - rule.memory * last + shrinks * (here - rule.memory * before))
    if not rule.memory:  # Without momentum, the recurrence also holds for the first step.
        unit_changes.insert(0, -rule.now * places[0])
        gradient_changes.insert(0, changes[0] + shrinks * places[0])
    return _regress_through_origin(unit_changes, gradient_changes, rule, lr)


def _regress_through_origin(
    unit_changes: list[float], gradient_changes: list[float], rule: LinearRule, lr: float
) -> Observation:
    """Estimate α·λ as the slope of a regression through the origin of `gradient_changes` on `unit_changes`.

    gradient_changes: the changes of the coordinate without the terms of momentum and weight decay, one per step.
    unit_changes: the values that the update rule predicts for α·λ = 1.
    """
    size = hypot(*unit_changes)
    if not size:
        raise ValueError("the coordinate stays at its centre, so there is no motion to analyse")
    units = [change / size for change in unit_changes]
    along = sum(u * p for u, p in zip(units, gradient_changes))
    rest = [p - along * u for u, p in zip(units, gradient_changes)]
    left, all_of_it = hypot(*rest), hypot(*gradient_changes)
    freedom = len(rest) - 1
    correlation = sum((a / left) * (b / left) for a, b in pairwise(rest)) if left else 0.0
    explained = 1 - (left / all_of_it) ** 2 if all_of_it else 1.0
    return Observation(rule, lr, along / size, left / sqrt(freedom) / size, explained, correlation, freedom)


def agreement(observation: Observation, curvature: float) -> Agreement:
    """Return how far the observed learning rate × curvature is from that for `curvature`, a Hessian eigenvalue.

    Parameters
    ----------
    observation : Observation
        The observed motion.
    curvature : float
        The Hessian's eigenvalue λ along the direction.

    Returns
    -------
    Agreement
        The difference.
    """
    expected = observation.lr * curvature
    off = abs(observation.length - expected)
    statistic = _ratio_or_infinity(off, observation.standard_error)
    return Agreement(statistic, tail_of_f(statistic**2, 1, observation.freedom), _ratio_or_infinity(off, abs(expected)))


def _ratio_or_infinity(part: float, of: float) -> float:
    """Return the ratio `part / of`. If `of` is 0, return infinity, or 0 if `part` is 0 as well."""
    return part / of if of else inf if part else 0.0
