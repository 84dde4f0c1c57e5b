"""How much a Hessian stretches some directions more than others, and whether it bends upwards in all of them.

Lanczos iteration finds the ends of the spectrum. Where all eigenvalues have one sign, the smallest magnitude is at an
end, and the condition number is known; where both signs occur it lies within, and only a lower bound is.
"""

from dataclasses import dataclass
from math import hypot, inf, log10, nan
from typing import Literal

from descend.landscape.eigenpairs import Eigenpair, Ends
from descend.landscape.spectrum import Spectrum

Definiteness = Literal[
    "positive definite",
    "positive semidefinite",
    "indefinite",
    "negative semidefinite",
    "negative definite",
    "zero",
]
CHANCE = 0.05  # that the smallest eigenvalue has been missed, where it is taken for found
RESOLVED = 0.1  # of its value may be an end's residual


@dataclass(frozen=True)
class Condition:
    """The condition number, largest |λ| over smallest |λ|, and what it rests on.

    number: infinite never, but where `is_bound` it is at least that; NaN without any curvature.
    smallest: of an eigenvalue that is at most so large; zero: what cannot be told from 0.
    chance: that an eigenvalue of the other sign, or 0, was missed; least: no eigenvalue lies below, but for 1 in 20.
    """

    number: float
    is_bound: bool
    largest: float
    smallest: float
    zero: float
    definiteness: Definiteness
    chance: float
    least: float

    @property
    def digits(self) -> float:
        """Decimal digits that an inversion loses at most: H⁻¹g is off by up to `number` times g's relative error."""
        return log10(self.number)


def condition_number(ends: Ends, spectrum: Spectrum | None = None) -> Condition:
    """Return the condition number and the definiteness of a Hessian by both ends of its spectrum, and all of it.

    Raises `ValueError` where an end was not asked for.
    """
    if not ends.top or not ends.bottom:
        raise ValueError("a condition number needs both ends of the spectrum: top and bottom of at least 1")
    exact = spectrum if spectrum is not None and spectrum.is_exact else None
    kind, zero, radius = definiteness(ends, exact), ends.zero, ends.radius
    chance = 0.0 if exact else chance_of_another(ends, kind)
    smallest, is_known = (exact.nearest, True) if exact else _smallest(ends, spectrum, kind)
    number = radius / max(smallest, zero) if radius else nan
    is_bound = smallest <= zero or not (is_known and chance <= CHANCE)
    return Condition(number, is_bound, radius, smallest, zero, kind, chance, _least(ends, exact))


def definiteness(ends: Ends, exact: Spectrum | None = None) -> Definiteness:
    """Return what the signs of the ends say, or of the `exact` spectrum where that is known.

    A value found below 0 proves one there: no direction bends more than λ.
    """
    (low, high), zero = _extremes(ends, exact), ends.zero
    if high <= zero and low >= -zero:
        return "zero"
    if low >= -zero:
        return "positive definite" if low > zero else "positive semidefinite"
    if high <= zero:
        return "negative definite" if high < -zero else "negative semidefinite"
    return "indefinite"


def _extremes(ends: Ends, exact: Spectrum | None) -> tuple[float, float]:
    return (exact.values[0], exact.values[-1]) if exact else (ends.bottom[0].value, ends.top[0].value)


def chance_of_another(ends: Ends, kind: Definiteness) -> float:
    """Return the chance that there is an eigenvalue which would make it another kind.

    Below the smallest found, θ, one of at most 0 lies by at least the share θ/λmax of the range.
    """
    if kind == "indefinite":
        return 0.0
    inner, outer = _by_magnitude(ends)
    past = ends.zero if "semi" in kind or kind == "zero" else abs(inner.value)
    return ends.unseen(min(1.0, past / abs(outer.value))) if outer.value else 0.0


def _by_magnitude(ends: Ends) -> tuple[Eigenpair, Eigenpair]:
    """Return the end that is nearer to 0, and the other one."""
    inner, outer = sorted((ends.bottom[0], ends.top[0]), key=lambda pair: abs(pair.value))
    return inner, outer


def _smallest(ends: Ends, spectrum: Spectrum | None, kind: Definiteness) -> tuple[float, bool]:
    """Return a magnitude that the smallest one does not exceed, and whether it is known to be that."""
    if kind in ("positive definite", "negative definite"):
        inner, _ = _by_magnitude(ends)
        return abs(inner.value), inner.residual <= RESOLVED * abs(inner.value)
    nearest = inf if spectrum is None else spectrum.nearest
    return min(nearest, *(hypot(pair.value, pair.residual) for pair in (*ends.top, *ends.bottom))), False


def _least(ends: Ends, exact: Spectrum | None) -> float:
    """Return the value m that is below the smallest found, θ, by a share s of the range: m = θ − s·(λmax − m)."""
    share = 0.0 if exact else ends.hidden(CHANCE)
    low, high = _extremes(ends, exact)
    return (low - share * high) / (1 - share) if share < 1 else -inf
