"""All of a Hessian's spectrum: the density of its eigenvalues, its trace, its diagonal and where it lies.

Each random direction ±1 is the start of a Lanczos iteration, whose projected matrix is a Gauss quadrature of the
spectrum as it is seen from there (Ubaru, Chen & Saad 2017); its first product gives the trace (Hutchinson 1990) and the
diagonal (Bekas et al. 2007). The ends of the spectrum, where they are known, are counted exactly and taken
out of the directions first, which leaves less to chance. A matrix of few parameters is formed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import hypot, inf, sqrt
from statistics import fmean, stdev

import torch
from torch import Tensor

from descend.ground.interval import mean_interval
from descend.landscape.eigenpairs import Eigenpair, Ends
from descend.landscape.krylov import Krylov, mean_product
from descend.landscape.loss import Hessian
from descend.landscape.vectors import flat, shaped, signs_like

PROBES, STEPS = 10, 40  # directions, and products for each
FORMED = PROBES * STEPS  # parameters of which a matrix is formed


@dataclass(frozen=True)
class Estimate:
    """The mean of independent samples of equal expectation; one that is exact has a single sample."""

    samples: tuple[float, ...]

    @property
    def value(self) -> float:
        """The mean."""
        return fmean(self.samples)

    @property
    def standard_error(self) -> float:
        """Of the mean; 0 where it is exact."""
        return stdev(self.samples) / sqrt(len(self.samples)) if len(self.samples) > 1 else 0.0

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the interval of Student's t that holds the true value with that confidence."""
        return mean_interval(self.samples, confidence) if len(self.samples) > 1 else (self.value, self.value)


@dataclass(frozen=True)
class Spectrum:
    """What is known of all eigenvalues.

    values, weights: the density as points and the shares of the eigenvalues that they stand for, by value.
    trace: of the whole; traces: of each parameter's own block; diagonal: shaped as the parameters.
    """

    values: tuple[float, ...]
    weights: tuple[float, ...]
    trace: Estimate
    traces: tuple[Estimate, ...]
    diagonal: tuple[Tensor, ...]
    products: int
    is_exact: bool
    nearest: float  # to 0: some eigenvalue is at most so far from it

    def share_below(self, value: float) -> float:
        """Return the share of the eigenvalues that lie below."""
        return sum(weight for known, weight in zip(self.values, self.weights) if known < value)


def spectrum(
    hessian: Hessian,
    parameters: Sequence[Tensor],
    ends: Ends | None = None,
    *,
    probes: int = PROBES,
    steps: int = STEPS,
    go_on: Callable[[int], bool] = lambda products: True,
) -> Spectrum:
    """Return the spectrum from `probes` random directions with `steps` products each, less the `ends` that are known.

    Where there are no more parameters than products, all of the matrix is had at that price. `go_on(products)` may end
    it after any direction. Raises `CurvatureUnavailable`.
    """
    if probes < 1 or steps < 1:
        raise ValueError(f"probes and steps must be at least 1, not {probes} and {steps}")
    size = sum(p.numel() for p in parameters)
    if size <= probes * steps:
        return _exact(hessian, parameters)
    known = () if ends is None else ends.pairs
    held = _held(known, parameters)
    points = [(pair.value, 1 / size) for pair in known]
    samples: list[tuple[Tensor, ...]] = []  # of the diagonal
    products, nearest = 0, min((hypot(pair.value, pair.residual) for pair in known), default=inf)
    spilt = hypot(*(pair.residual for pair in known))  # of a product, into the directions of those that are known
    for seed in range(probes):
        direction = signs_like(flat(parameters), seed)
        space = Krylov(hessian, parameters, direction, min(steps, size - len(known)), held)
        length = float(space.next @ direction)  # of what is left of it
        first = space.grow() * length
        samples.append(shaped(direction * first, parameters))
        while space.held < space.width and space.rest:
            space.grow()
        values, vectors = torch.linalg.eigh(space.projected)
        rest = (1 - len(known) / size) * vectors[0].square()
        points += zip(values.tolist(), rest.tolist())
        products, nearest = products + space.products, min(nearest, hypot(space.nearest(), spilt))
        if not go_on(products):
            break
    return replace(_averaged(points, len(known), samples, known), products=products, nearest=nearest)


def _averaged(
    points: list[tuple[float, float]],
    exact: int,
    samples: list[tuple[Tensor, ...]],
    known: Sequence,
) -> Spectrum:
    counted = points[:exact] + [(value, weight / len(samples)) for value, weight in points[exact:]]
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


def _held(known: Sequence, parameters: Sequence[Tensor]) -> Tensor | None:
    """Return the known eigenvectors as orthonormal rows."""
    if not known:
        return None
    return torch.linalg.qr(torch.stack([flat(pair.vector) for pair in known]).T)[0].T


def _exact(hessian: Hessian, parameters: Sequence[Tensor]) -> Spectrum:
    matrix = dense(hessian, parameters)
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


def formed_ends(hessian: Hessian, parameters: Sequence[Tensor], *, top: int = 1, bottom: int = 1) -> Ends:
    """Return the ends of the spectrum of a matrix that is formed: no search, nothing missed.

    For few parameters, since it takes a product for each. Raises `CurvatureUnavailable`.
    """
    rows, start = _rows(hessian, parameters), flat(parameters)
    values, vectors = torch.linalg.eigh((rows + rows.T) / 2)
    noise, size = float(torch.linalg.matrix_norm((rows - rows.T) / 2, ord=2)), len(rows)
    wanted = {*range(bottom), *range(size - top, size)} & {*range(size)}
    found = tuple(Eigenpair(float(values[k]), shaped(vectors[:, k].to(start), parameters), 0.0) for k in sorted(wanted))
    return Ends(found[::-1][:top], found[:bottom], size, size, size, noise)


def dense(hessian: Hessian, parameters: Sequence[Tensor]) -> Tensor:
    """Return H as a symmetric matrix in float64, at one product for each parameter. Raises `CurvatureUnavailable`."""
    rows = _rows(hessian, parameters)
    return (rows + rows.T) / 2


def _rows(hessian: Hessian, parameters: Sequence[Tensor]) -> Tensor:
    start = flat(parameters)
    units = torch.eye(len(start), dtype=start.dtype, device=start.device)
    return torch.stack([mean_product(hessian, unit, parameters).double().cpu() for unit in units])
