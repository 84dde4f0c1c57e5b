"""What trajectories come to, as tables and as plain data: how each rule ends, and what it does along eigenvectors."""

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from descend.doctor.report.table import Table
from descend.doctor.report.wording import number

if TYPE_CHECKING:
    from descend.trajectories import Along, Surface, Trajectory


def point(at: Sequence[float]) -> str:
    """Return a point in words."""
    return f"({number(at[0])}, {number(at[1])})"


def ends_table(surface: "Surface", found: "list[Trajectory]") -> Table:
    """Return where each rule is at the end, from the usual start."""
    head = ("rule", "rate", "the rate was", "cost at the end", "from a minimum", "diverged at step")
    rows = []
    for one in found:
        distance, diverged = surface.distance(one.points[0, -1]), one.diverged()
        ends = (number(float(one.cost[0, -1])), "" if distance is None else number(distance), "")
        rows.append(
            (
                one.rule.text,
                f"{one.rule.lr:g}",
                one.rule.how,
                *(ends if diverged is None else ("", "", str(diverged))),
            )
        )
    caption = (
        f"From {point(surface.start)}. The distance is that to the nearest minimum that is known. Diverged: further "
        "than a thousand windows away, or not finite."
    )
    return Table(f"After {found[0].cost.shape[1] - 1} steps", head, rows, caption, frozenset({1, 3, 4, 5}))


def eigenvector_table(along: "list[Along]") -> Table:
    """Return what each rule does along each eigenvector of a quadratic."""
    head = ("rule", "eigenvector", "λ", "α", "α·λ", "predicted", "observed")
    rows = []
    for one in along:
        lr = one.rule.lr or 0.0
        numbers = (number(one.curvature), f"{lr:g}", number(lr * one.curvature))
        rows.append((one.rule.text, point(one.vector.tolist()), *numbers, one.predicted, one.observed))
    caption = (
        "Gradient descent decays for α·λ up to 1, oscillates up to 2 and diverges beyond; with momentum it bears more, "
        "and oscillates sooner. Observed in the first steps; nothing where the minimum is reached in too few."
    )
    return Table("Along the eigenvectors of the Hessian", head, rows, caption, frozenset({2, 3, 4}))


def facts(surface: "Surface", found: "list[Trajectory]", along: "list[Along]") -> dict[str, Any]:
    """Return everything from the usual start, as plain data; None for what is not finite."""
    return {
        "surface": surface.name,
        "formula": surface.formula,
        "source": surface.source,
        "start": surface.start,
        "minima": surface.minima,
        "rules": [_facts_of(surface, one) for one in found],
        "along_eigenvectors": [
            {
                "rule": one.rule.text,
                "lr": one.rule.lr,
                "vector": one.vector.tolist(),
                "eigenvalue": one.curvature,
                "predicted": one.predicted,
                "observed": one.observed or None,
            }
            for one in along
        ],
    }


def _facts_of(surface: "Surface", one: "Trajectory") -> dict[str, Any]:
    return {
        "rule": one.rule.text,
        "lr": one.rule.lr,
        "rate": one.rule.how,
        "cost_at_end": _finite(float(one.cost[0, -1])),
        "distance_to_minimum": _finite(surface.distance(one.points[0, -1])),
        "diverged_at": one.diverged(),
        "points": [[_finite(value) for value in at] for at in one.points[0].tolist()],
        "cost": [_finite(value) for value in one.cost[0].tolist()],
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
