"""Critical points of a loss, and the distance up to which its quadratic model is accurate."""

from collections.abc import Callable, Iterator
from math import log
from statistics import median

import numpy as np
import torch
from curvature import LARGER, case
from torch import Tensor

from descend.landscape import Loss, directions, ends, taylor
from descend.landscape.vectors import flat
from descend.trajectories.critical_points import EXAMPLES, INPUTS, PENALTY, critical_points

WIDTHS, STARTS = (1, 2, 3), 200
SEEDS = 5


def of_critical_points(write: Callable[..., None]) -> None:
    """Count the critical points, check their reported kinds, and measure where the quadratic model fails."""
    torch.set_num_threads(1)
    write("### How many there are, by the size of the network", "")
    write(
        f"Networks {INPUTS} → units (tanh) → 1 without biases on {EXAMPLES} random points and targets, with a penalty",
        f"of {PENALTY:g} on the squared weights, in float64; {STARTS} starts each. Found: different costs at which",
        "there is a critical point. Estimated: how many there are at least, by how many were found once and twice",
        "(Chao 1984). Copies: with other orders and signs of different units, the same cost; not counted. The kind",
        "by the ends that Lanczos iteration finds: as the formed Hessian's eigenvalues say, left undecided, or wrong.",
        "",
    )
    write("| units | parameters | converged | found | estimated | minima | copies of each | right, undecided, wrong |")
    write("|---" * 8 + "|")
    write(*numbers())
    write("", "### The quadratic view along three directions", "")
    write(
        "Exponents: of the errors of the first- and the second-order view in the distance, over the decade before the",
        "quadratic one is off by a tenth of the change: close by 2, and 3 (4 where the third derivative is near 0); of",
        "rectified units, whose cost has kinks, no power holds (the convolutions). Breaks: that distance over the",
        f"length of the weights. Medians of {SEEDS} random directions, one of the others.",
        "",
    )
    write("| network | direction | first order | second order | breaks at |", "|---" * 5 + "|", *views())


def numbers() -> Iterator[str]:
    """Yield a row with the critical points that were found, for each width of the network."""
    for units in WIDTHS:
        *_, seen = critical_points(units, STARTS)
        minima = sum(point.kind == "minimum" for point in seen.distinct)
        undecided = sum(point.named == "undecided" for point in seen.found)
        right, converged = sum(point.named == point.kind for point in seen.found), len(seen.found)
        yield (
            f"| {units} | {seen.parameters} | {converged} of {STARTS} | {len(seen.distinct)} | {seen.estimated:.0f} "
            f"| {minima} | {seen.copies} | {right}, {undecided}, {converged - right - undecided} |"
        )


def views() -> Iterator[str]:
    """Yield the distances at which the linear and the quadratic model fail, and how their errors grow."""
    for name, make in LARGER.items():
        for steps in (0, 150):
            given = case(name, make, steps=steps)
            loss, at = given.loss, given.at
            known, length = ends(loss.hessian(at), at), float(flat(at).norm())
            looked = directions(loss, at, known)
            for label in looked:
                ways = [directions(loss, at, known, s)[label] for s in range(SEEDS)] if label == "random" else None
                seen = [_exponents(loss, at, way) for way in ways or [looked[label]]]
                first, second, breaks = (median(values) for values in zip(*seen))
                yield f"| {given.name} | {label} | {first:.2f} | {second:.2f} | {breaks / length:.2g} |"


def _exponents(loss: Loss, at: list[Tensor], direction: tuple[Tensor, ...]) -> tuple[float, float, float]:
    breaks = taylor(loss, at, direction).breaks_at
    assert breaks is not None, "no more than a quadratic"
    near = [breaks * 10 ** (k / 4 - 1) for k in range(5)]
    seen = taylor(loss, at, direction, near)

    def slope(errors: tuple[float, ...]) -> float:
        return float(np.polyfit([log(d) for d in near], [log(e) for e in errors], 1)[0])

    return slope(seen.first_errors), slope(seen.second_errors), breaks
