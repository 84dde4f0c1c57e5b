"""Estimate a Hessian's eigenvalue density, trace and diagonal.

Each random vector of signs starts a Lanczos iteration, which gives a Gauss quadrature of the density (Ubaru, Chen &
Saad 2017). Its first product estimates the trace (Hutchinson 1990) and the diagonal (Bekas et al. 2007). Known extreme
eigenpairs are counted exactly and projected out of the random vectors, which reduces the variance. The more parameters
there are, the fewer Lanczos iterations the density needs. Further vectors, with one product each, make the trace more
accurate. For few parameters, the whole matrix is computed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil, hypot, inf, log, sqrt
from statistics import fmean, stdev

import torch
from torch import Tensor

from descend.core.bound import Bound, Count
from descend.core.interval import mean_interval
from descend.landscape.eigenpairs import Eigenpair, Ends
from descend.landscape.krylov import Krylov, mean_product
from descend.landscape.loss import Hessian
from descend.landscape.vectors import flat, shaped, signs_like

PROBES = 10  # largest number of Lanczos iterations from random directions
STEPS = 40  # number of Hessian-vector products for each of these directions
LEAST_PROBES = Count(
    2, "Lanczos iterations", "chosen: a single direction would determine the density of the largest networks alone"
)
DENSITY_ERROR = Bound(
    0.03,
    "share of the eigenvalues' range (Wasserstein distance)",
    "chosen: a fifth of the bound of the quadrature's error with 40 products, 0.15 (Chen, Trogdon & Ubaru 2021)",
)
CHANCE = Bound(
    0.05, "probability of a larger error of the density", "convention: the intervals have a confidence level of 95 %"
)
TRACES = Count(
    20,
    "random directions for the trace, of which all but the first ones take a single product",
    "arithmetic: the 95 % interval of 20 samples is 7 % wider than with a known variance (Student's t, 2.09 / 1.96)",
)
FORMED = PROBES * STEPS  # largest number of parameters for which the whole matrix is computed


@dataclass(frozen=True)
class Estimate:
    """An estimated value: the mean of independent samples. An exact value has a single sample.

    Parameters
    ----------
    samples : tuple of float
        The independent samples.
    """

    samples: tuple[float, ...]

    @property
    def value(self) -> float:
        """Return the estimated value, which is the mean of the samples."""
        return fmean(self.samples)

    @property
    def standard_error(self) -> float:
        """Return the standard error of the estimated value; 0 for an exact value."""
        return stdev(self.samples) / sqrt(len(self.samples)) if len(self.samples) > 1 else 0.0

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the confidence interval of the estimated value from Student's t distribution."""
        return mean_interval(self.samples, confidence) if len(self.samples) > 1 else (self.value, self.value)


@dataclass(frozen=True)
class Spectrum:
    """The eigenvalue density, trace and diagonal of a Hessian, estimated or exact.

    Parameters
    ----------
    values : tuple of float
        The points of the density, in rising order.
    weights : tuple of float
        The fraction of all eigenvalues that each point represents.
    trace : Estimate
        The trace of the whole matrix.
    traces : tuple of Estimate
        The trace of each parameter's block.
    diagonal : tuple of torch.Tensor
        The diagonal, with the shapes of the parameters.
    products : int
        The number of Hessian-vector products.
    is_exact : bool
        Whether the eigenvalues are exact, up to rounding.
    nearest : float
        An upper bound of the smallest magnitude of an eigenvalue.
    """

    values: tuple[float, ...]
    weights: tuple[float, ...]
    trace: Estimate
    traces: tuple[Estimate, ...]
    diagonal: tuple[Tensor, ...]
    products: int
    is_exact: bool
    nearest: float  # upper bound of the smallest magnitude of an eigenvalue

    def share_below(self, value: float) -> float:
        """Return the fraction of the eigenvalues that are smaller than `value`."""
        return sum(weight for known, weight in zip(self.values, self.weights) if known < value)


def spectrum(
    hessian: Hessian,
    parameters: Sequence[Tensor],
    ends: Ends | None = None,
    *,
    probes: int | None = None,
    steps: int = STEPS,
    go_on: Callable[[int], bool] = lambda products: True,
) -> Spectrum:
    """Return the spectrum of a Hessian, estimated by Lanczos iterations from `probes` random directions.

    If there are at most `probes` · `steps` parameters, the exact spectrum is computed.

    Parameters
    ----------
    hessian : Hessian
        The Hessian.
    parameters : sequence of torch.Tensor
        Tensors with the shapes of the parameters.
    ends : Ends, optional
        The known ends of the spectrum, which are used exactly.
    probes : int, optional
        The number of random directions. By default, it follows from the number of parameters (see `directions_for`),
        and the trace is estimated from `TRACES` directions. If `probes` is given, the trace is estimated from the same
        directions as the density.
    steps : int
        The number of Hessian-vector products for each direction.
    go_on : callable
        The estimate ends early if `go_on(products)` returns False after a direction.

    Returns
    -------
    Spectrum
        The density, the trace and the diagonal.

    Raises
    ------
    CurvatureUnavailable
        If the loss cannot be differentiated twice.
    ValueError
        If `probes` or `steps` is less than 1.
    """
    if (probes is not None and probes < 1) or steps < 1:
        raise ValueError(f"probes and steps must be at least 1, not {probes} and {steps}")
    size = sum(p.numel() for p in parameters)
    if size <= (PROBES if probes is None else probes) * steps:
        return _exact_spectrum(hessian, parameters)
    lanczos, most = (directions_for(size), TRACES) if probes is None else (probes, probes)
    known = () if ends is None else ends.pairs
    held = _known_eigenvectors(known, parameters)
    points = [(pair.value, 1 / size) for pair in known]
    samples: list[tuple[Tensor, ...]] = []  # estimates of the Hessian's diagonal, one for each random direction
    products, nearest = 0, min((hypot(pair.value, pair.residual) for pair in known), default=inf)
    spilt = hypot(*(pair.residual for pair in known))  # norm of the residuals of all known eigenpairs
    for seed in range(most):
        direction = signs_like(flat(parameters), seed)
        width = min(steps, size - len(known)) if seed < lanczos else 1
        space = Krylov(hessian, parameters, direction, width, held)
        length = float(space.next @ direction)  # norm of its part orthogonal to the known eigenvectors
        first = space.grow() * length
        samples.append(shaped(direction * first, parameters))
        while space.held < space.width and space.rest:
            space.grow()
        if seed < lanczos:
            values, vectors = torch.linalg.eigh(space.projected)
            rest = (1 - len(known) / size) * vectors[0].square()
            points += zip(values.tolist(), rest.tolist())
        products, nearest = products + space.products, min(nearest, hypot(space.smallest_image_norm(), spilt))
        if not go_on(products):
            break
    counted = min(lanczos, len(samples))
    return replace(_combined_spectrum(points, counted, samples, known), products=products, nearest=nearest)


def directions_for(size: int) -> int:
    """Return the number of random directions that the density of `size` eigenvalues needs, from 2 to 10.

    With ⌈4 ln(2n/η) / (n t²)⌉ random vectors of signs, the weights of the eigenvalues move the density by at most t
    (Kolmogorov distance, and so Wasserstein distance) with probability 1 − η. The error of the quadrature is added.

    Let P project on the eigenvectors below a value, and μn be its rank. For a vector z of signs, the moment generating
    function of zᵀPz is at most that of χ² with μn degrees of freedom. Chernoff's bound on the mean over m vectors is
    P(zᵀPz/n > μ + t) ≤ exp(−mn(t − μ ln(1 + t/μ))/2) ≤ exp(−mnt²/4). As zᵀz = n, the same holds for zᵀ(1 − P)z and so
    for μ − t. The union bound over the n eigenvalues is that of Chen, Trogdon & Ubaru 2021 for the unit sphere, whose
    number is smaller by the factor n / (n + 2).
    """
    wanted = ceil(4 * log(2 * size / CHANCE) / (size * DENSITY_ERROR**2))
    return max(LEAST_PROBES, min(PROBES, wanted))


def products_for(size: int) -> int:
    """Return the largest number of Hessian-vector products that `spectrum` takes by default for `size` parameters."""
    lanczos = directions_for(size)
    return size if size <= FORMED else lanczos * STEPS + TRACES - lanczos


def _combined_spectrum(
    points: list[tuple[float, float]],
    lanczos: int,
    samples: list[tuple[Tensor, ...]],
    known: Sequence,
) -> Spectrum:
    """Return the spectrum from the density points of `lanczos` directions, after those of the known eigenvalues."""
    exact = len(known)
    counted = points[:exact] + [(value, weight / lanczos) for value, weight in points[exact:]]
    values, weights = zip(*sorted(counted))
    certain = [
        sum((pair.value * pair.vector[k].double().square() for pair in known), torch.zeros(()))
        for k in range(len(samples[0]))
    ]
    diagonal = tuple(torch.stack(each).mean(0) + c.to(each[0]) for each, c in zip(zip(*samples), certain))
    blocks = [
        [float(s.sum(dtype=torch.float64)) + float(c.sum()) for s in each] for each, c in zip(zip(*samples), certain)
    ]
    traces = tuple(Estimate(tuple(each)) for each in blocks)
    return Spectrum(values, weights, Estimate(tuple(map(sum, zip(*blocks)))), traces, diagonal, 0, False, inf)


def _known_eigenvectors(known: Sequence, parameters: Sequence[Tensor]) -> Tensor | None:
    """Return the eigenvectors of known eigenpairs as orthonormal rows, ``(vectors, parameters)``; None without any."""
    if not known:
        return None
    return torch.linalg.qr(torch.stack([flat(pair.vector) for pair in known]).T)[0].T


def _exact_spectrum(hessian: Hessian, parameters: Sequence[Tensor]) -> Spectrum:
    """Return the exact spectrum of a Hessian, whose whole matrix is computed."""
    matrix = dense_hessian(hessian, parameters)
    values = torch.linalg.eigvalsh(matrix)
    diagonal = shaped(matrix.diagonal(), parameters)
    traces = tuple(Estimate((float(piece.sum()),)) for piece in diagonal)
    size = len(matrix)
    return Spectrum(
        tuple(values.tolist()),
        (1 / size,) * size,
        Estimate((float(values.sum()),)),
        traces,
        diagonal,
        size,
        True,
        float(values.abs().min()),
    )


def exact_ends(hessian: Hessian, parameters: Sequence[Tensor], *, top: int = 1, bottom: int = 1) -> Ends:
    """Return the exact largest and smallest eigenpairs of a Hessian, whose whole matrix is computed.

    This needs one product for each parameter, so it is for few parameters. Raises `CurvatureUnavailable`.
    """
    rows, start = _unit_products(hessian, parameters), flat(parameters)
    values, vectors = torch.linalg.eigh((rows + rows.T) / 2)
    noise, size = float(torch.linalg.matrix_norm((rows - rows.T) / 2, ord=2)), len(rows)
    wanted = {*range(bottom), *range(size - top, size)} & {*range(size)}
    found = tuple(Eigenpair(float(values[k]), shaped(vectors[:, k].to(start), parameters), 0.0) for k in sorted(wanted))
    return Ends(found[::-1][:top], found[:bottom], size, size, size, noise)


def dense_hessian(hessian: Hessian, parameters: Sequence[Tensor]) -> Tensor:
    """Return the whole Hessian as a symmetric float64 matrix, ``(parameters, parameters)``.

    Raises `CurvatureUnavailable` if the loss has no second derivative.
    """
    rows = _unit_products(hessian, parameters)
    return (rows + rows.T) / 2


def _unit_products(hessian: Hessian, parameters: Sequence[Tensor]) -> Tensor:
    """Return the products of a Hessian with all unit vectors as rows. Rounding makes them slightly asymmetric."""
    start = flat(parameters)
    units = torch.eye(len(start), dtype=start.dtype, device=start.device)
    return torch.stack([mean_product(hessian, unit, parameters).double().cpu() for unit in units])
