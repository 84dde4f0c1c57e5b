"""Compute the condition number and the definiteness of a Hessian from its extreme eigenvalues.

Lanczos iteration finds the largest and the smallest eigenvalues. If all eigenvalues have one sign, these include the
one nearest to 0, and the condition number is known. If both signs occur, only a lower bound is known.
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
CHANCE = 0.05  # largest accepted probability that the search missed the smallest eigenvalue
RESOLVED = 0.1  # largest residual of an accepted eigenpair, as a fraction of the eigenvalue


@dataclass(frozen=True)
class Condition:
    """The condition number, max |λ| / min |λ|, and the evidence for it.

    Parameters
    ----------
    number : float
        The condition number, or its lower bound if `is_bound`. NaN without any curvature.
    is_bound : bool
        Whether `number` is only a lower bound.
    largest : float
        max |λ|.
    smallest : float
        An upper bound of min |λ|.
    zero : float
        The magnitude below which rounding hides an eigenvalue.
    definiteness : str
        The signs of the eigenvalues, such as "positive definite".
    chance : float
        The probability that the search missed an eigenvalue of the other sign, or 0.
    least : float
        A lower bound of all eigenvalues, with 95 % confidence.
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
        """Return log₁₀ of the condition number: the number of decimal digits that computing H⁻¹g can lose."""
        return log10(self.number)


def condition_number(ends: Ends, spectrum: Spectrum | None = None) -> Condition:
    """Return the condition number and the definiteness of a Hessian, with the evidence for them.

    Parameters
    ----------
    ends : Ends
        The largest and the smallest eigenpairs.
    spectrum : Spectrum, optional
        All eigenvalues or their density, if known.

    Returns
    -------
    Condition
        The condition number and its evidence.

    Raises
    ------
    ValueError
        If `ends` has no largest or no smallest eigenpair.
    """
    if not ends.top or not ends.bottom:
        raise ValueError("a condition number needs the largest and the smallest eigenpair, but one is missing")
    exact = spectrum if spectrum is not None and spectrum.is_exact else None
    kind, zero, radius = definiteness(ends, exact), ends.zero, ends.radius
    chance = 0.0 if exact else chance_of_missed_eigenvalue(ends, kind)
    smallest, is_known = (exact.nearest, True) if exact else _smallest_magnitude(ends, spectrum, kind)
    number = radius / max(smallest, zero) if radius else nan
    is_bound = smallest <= zero or not (is_known and chance <= CHANCE)
    return Condition(number, is_bound, radius, smallest, zero, kind, chance, _eigenvalue_lower_bound(ends, exact))


def definiteness(ends: Ends, exact: Spectrum | None = None) -> Definiteness:
    """Return the definiteness of a Hessian, from the signs of its largest and smallest eigenvalue.

    The `exact` spectrum is used if it is known. A negative Ritz value proves a negative eigenvalue, because no Ritz
    value is below the smallest eigenvalue.
    """
    (low, high), zero = _extreme_eigenvalues(ends, exact), ends.zero
    if high <= zero and low >= -zero:
        return "zero"
    if low >= -zero:
        return "positive definite" if low > zero else "positive semidefinite"
    if high <= zero:
        return "negative definite" if high < -zero else "negative semidefinite"
    return "indefinite"


def _extreme_eigenvalues(ends: Ends, exact: Spectrum | None) -> tuple[float, float]:
    """Return the smallest and the largest eigenvalue, from the exact spectrum if this is known."""
    return (exact.values[0], exact.values[-1]) if exact else (ends.bottom[0].value, ends.top[0].value)


def chance_of_missed_eigenvalue(ends: Ends, kind: Definiteness) -> float:
    """Return the probability that the search missed an eigenvalue that would change the definiteness.

    If all eigenvalues found are positive, with θ the smallest, a missed one of at most 0 would be below θ by at least
    the fraction θ/λmax of the range.
    """
    if kind == "indefinite":
        return 0.0
    inner, outer = _ends_by_magnitude(ends)
    past = ends.zero if "semi" in kind or kind == "zero" else abs(inner.value)
    return ends.unseen(min(1.0, past / abs(outer.value))) if outer.value else 0.0


def _ends_by_magnitude(ends: Ends) -> tuple[Eigenpair, Eigenpair]:
    """Return the smallest and the largest eigenpair of a search, the one with the smaller magnitude first."""
    inner, outer = sorted((ends.bottom[0], ends.top[0]), key=lambda pair: abs(pair.value))
    return inner, outer


def _smallest_magnitude(ends: Ends, spectrum: Spectrum | None, kind: Definiteness) -> tuple[float, bool]:
    """Return an upper bound of the smallest magnitude of an eigenvalue, and whether the bound is exact."""
    if kind in ("positive definite", "negative definite"):
        inner, _ = _ends_by_magnitude(ends)
        return abs(inner.value), inner.residual <= RESOLVED * abs(inner.value)
    nearest = inf if spectrum is None else spectrum.nearest
    return min(nearest, *(hypot(pair.value, pair.residual) for pair in (*ends.top, *ends.bottom))), False


def _eigenvalue_lower_bound(ends: Ends, exact: Spectrum | None) -> float:
    """Return a lower bound m of all eigenvalues that holds with 95 % confidence.

    m solves m = θ − s·(λmax − m): θ is the smallest eigenvalue found, and s is `ends.hidden(CHANCE)`.
    """
    share = 0.0 if exact else ends.hidden(CHANCE)
    low, high = _extreme_eigenvalues(ends, exact)
    return (low - share * high) / (1 - share) if share < 1 else -inf
