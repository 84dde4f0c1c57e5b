"""What is known of the curvature at each point of a run, as one table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

from descend.course.stability import PRECONDITIONED, stability_bound
from descend.interval import mean_interval
from descend.record import Record, facts
from descend.report.table import Table
from descend.report.wording import number, percent

FACTS = (
    "point",
    "eigenvalues",
    "kind",
    "directions",
    "gauss_newton",
    "taylor",
    "spectrum",
    "condition",
)  # as they come


@dataclass(frozen=True)
class Looked:
    """What was measured at one point of the run; empty what was not."""

    label: str
    step: int
    point: Mapping[str, Any]
    eigenvalues: Mapping[str, Any]
    kind: Mapping[str, Any]
    directions: Mapping[str, Any]
    gauss_newton: Mapping[str, Any]
    taylor: Mapping[str, Any]
    spectrum: Mapping[str, Any]
    condition: Mapping[str, Any]

    @property
    def bound(self) -> float:
        """The largest eigenvalue of the Hessian that the rule in use can take; NaN where none is known."""
        described = self.point["optimizer"]
        if not described:
            return float("nan")
        optimizer = facts.optimizer_of(described)
        found, lr = stability_bound(optimizer), optimizer.lr
        is_of_hessian = optimizer.rule not in PRECONDITIONED and not self.directions.get("rescaled")
        return found.value / lr if found and lr and is_of_hessian else float("nan")


def looked_at(record: Record) -> list[Looked]:
    """Return what is known of each point, in the order of the run; of an interrupted one what there is."""
    return [
        Looked(label, record.history("point", label)[-1].step, *(record.fact(name, label) or {} for name in FACTS))
        for label in record.places("point")
    ]


def summary(found: list[Looked]) -> Table:
    """Return a row for each quantity and a column for each point."""
    rows = [(name, *(tell(looked) for looked in found)) for name, tell in ROWS.items()]
    reasons = [f"{looked.label}: {looked.kind['how']}" for looked in found if looked.kind]
    caption = (
        "The Hessian of the cost of the same fixed examples. λmax and λmin are its largest and smallest eigenvalue; "
        "the trace is the sum of all, with its 95 % interval unless it is exact. The condition number is the largest "
        "over the smallest magnitude, “≥” where no more can be told. Above its bound the rule in use diverges. "
        f"Gauss–Newton: the Hessian without the curvature of the network itself. {'; '.join(reasons)}."
    )
    kept = [row for row in rows if any(row[1:])]
    return Table("Curvature", ("", *(f"{looked.label} weights" for looked in found)), kept, caption)


def _end(name: str) -> Callable[[Looked], str]:
    return lambda looked: number(looked.eigenvalues[name][0][0]) if looked.eigenvalues else ""


def _trace(looked: Looked) -> str:
    if not looked.spectrum:
        return ""
    samples = looked.spectrum["trace"]
    value = number(sum(samples) / len(samples))
    if len(samples) < 2:  # formed, and exact
        return value
    low, high = mean_interval(samples)
    return f"{value} [{number(low)}, {number(high)}]"


def _condition(looked: Looked) -> str:
    if not looked.condition or isnan(looked.condition["number"] or float("nan")):
        return ""
    return f"{'≥ ' if looked.condition['is_bound'] else ''}{number(looked.condition['number'])}"


def _definiteness(looked: Looked) -> str:
    if not looked.condition:
        return ""
    kind, chance, least = (looked.condition[name] for name in ("definiteness", "chance", "least"))
    if not chance:
        return kind
    if kind.startswith("positive"):
        return f"seen as {kind}; at 95 % none is below {number(least)}"
    return f"seen as {kind}; otherwise by a chance of {percent(chance)}"


def _gauss_newton(looked: Looked) -> str:
    top = looked.gauss_newton.get("top")
    return number(top[0][0]) if top else ""


def _bound(looked: Looked) -> str:
    return "" if isnan(looked.bound) else number(looked.bound)


ROWS: Mapping[str, Callable[[Looked], str]] = {
    "step": lambda looked: "" if looked.label == "checkpoint" else str(looked.step),
    "cost": lambda looked: number(looked.point["loss"]),
    "gradient norm": lambda looked: number(looked.point["gradient_norm"]),
    "kind of point": lambda looked: looked.kind.get("kind", ""),
    "λmax": _end("top"),
    "bound on λ, of the rule": _bound,
    "λmin": _end("bottom"),
    "definiteness": _definiteness,
    "condition number": _condition,
    "trace": _trace,
    "Gauss–Newton λmax": _gauss_newton,
}
