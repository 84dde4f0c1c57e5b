"""Tables and JSON values of trajectories: where each one ends, and its motion along the eigenvectors of a quadratic."""

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from descend.doctor.report.formatting import number
from descend.lab.pages.table import Table

if TYPE_CHECKING:
    from descend.trajectories import Along, Surface, Trajectory


def point_text(at: Sequence[float]) -> str:
    """Return the coordinates of a point as text, such as `(1.5, −2)`."""
    return f"({number(at[0])}, {number(at[1])})"


def ends_table(surface: "Surface", found: "list[Trajectory]") -> Table:
    """Return a table with the end of each optimizer's trajectory from the default starting point."""
    head = ("optimizer", "learning rate", "rate is", "final cost", "distance to minimum", "diverged at step")
    rows = []
    for one in found:
        distance, diverged = surface.distance_to_minimum(one.points[0, -1]), one.divergence_step()
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
        f"Start: {point_text(surface.start)}. The distance is to the nearest known minimum. Diverged: farther than a "
        "thousand window sizes away, or not finite."
    )
    return Table(f"After {found[0].cost.shape[1] - 1} steps", head, rows, caption, frozenset({1, 3, 4, 5}))


def eigenvector_table(along: "list[Along]") -> Table:
    """Return a table of the optimizers' predicted and observed motion along the Hessian eigenvectors of a quadratic."""
    head = ("optimizer", "eigenvector", "λ", "α", "α·λ", "predicted", "observed")
    rows = []
    for one in along:
        lr = one.rule.lr or 0.0
        numbers = (number(one.curvature), f"{lr:g}", number(lr * one.curvature))
        rows.append((one.rule.text, point_text(one.vector.tolist()), *numbers, one.predicted, one.observed))
    caption = (
        "The distance of gradient descent from the minimum decays for α·λ up to 1, oscillates up to 2 and diverges "
        "above 2. With momentum, this limit is higher and oscillation starts earlier. The motion is observed in the "
        "first steps; its cell is empty if the minimum is reached too early."
    )
    return Table("Motion along the eigenvectors of the Hessian", head, rows, caption, frozenset({2, 3, 4}))


def trajectory_facts(surface: "Surface", found: "list[Trajectory]", along: "list[Along]") -> dict[str, Any]:
    """Return the trajectories from the default starting point as JSON values, with None for infinities and NaN."""
    return {
        "surface": surface.name,
        "formula": surface.formula,
        "source": surface.source,
        "start": surface.start,
        "minima": surface.minima,
        "rules": [_optimizer_facts(surface, one) for one in found],
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


def _optimizer_facts(surface: "Surface", one: "Trajectory") -> dict[str, Any]:
    """Return the trajectory of one optimizer from the default starting point as JSON values."""
    return {
        "rule": one.rule.text,
        "lr": one.rule.lr,
        "rate": one.rule.how,
        "cost_at_end": _finite_or_none(float(one.cost[0, -1])),
        "distance_to_minimum": _finite_or_none(surface.distance_to_minimum(one.points[0, -1])),
        "diverged_at": one.divergence_step(),
        "points": [[_finite_or_none(value) for value in at] for at in one.points[0].tolist()],
        "cost": [_finite_or_none(value) for value in one.cost[0].tolist()],
    }


def _finite_or_none(value: float | None) -> float | None:
    """Return a number if it is finite; None if it is infinite, NaN or None."""
    return value if value is not None and isfinite(value) else None
