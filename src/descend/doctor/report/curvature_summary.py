"""What is known of the curvature at each point of a run, as one table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isnan

from descend.doctor.course.stability import PRECONDITIONED, stability_bound
from descend.doctor.record import Record, facts
from descend.doctor.report.table import Table
from descend.doctor.report.wording import number, percent
from descend.ground.interval import mean_interval

FACTS = {
    facts.CurvaturePoint: "point",
    facts.Eigenvalues: "eigenvalues",
    facts.PointKind: "kind",
    facts.Directions: "directions",
    facts.GaussNewton: "gauss_newton",
    facts.Taylor: "taylor",
    facts.Spectrum: "spectrum",
    facts.ConditionNumber: "condition",
}  # as they are printed


@dataclass(frozen=True)
class Looked:
    """What was measured at one point of the run; None what was not."""

    label: str
    step: int
    point: facts.CurvaturePoint
    eigenvalues: facts.Eigenvalues | None
    kind: facts.PointKind | None
    directions: facts.Directions | None
    gauss_newton: facts.GaussNewton | None
    taylor: facts.Taylor | None
    spectrum: facts.Spectrum | None
    condition: facts.ConditionNumber | None

    @property
    def bound(self) -> float:
        """The largest eigenvalue of the Hessian that the rule in use can take; NaN where none is known."""
        if not self.point.optimizer:
            return float("nan")
        optimizer = facts.optimizer_of(self.point.optimizer)
        found, lr = stability_bound(optimizer), optimizer.lr
        is_rescaled = self.directions is not None and self.directions.rescaled
        is_of_hessian = optimizer.rule not in PRECONDITIONED and not is_rescaled
        return found.value / lr if found and lr and is_of_hessian else float("nan")


def looked_at(record: Record) -> list[Looked]:
    """Return what is known of each point, in the order of the run; of an interrupted one what there is."""
    return [
        Looked(
            label,
            record.history(facts.CurvaturePoint, label)[-1].step,
            point,
            record.fact(facts.Eigenvalues, label),
            record.fact(facts.PointKind, label),
            record.fact(facts.Directions, label),
            record.fact(facts.GaussNewton, label),
            record.fact(facts.Taylor, label),
            record.fact(facts.Spectrum, label),
            record.fact(facts.ConditionNumber, label),
        )
        for label, point in record.every(facts.CurvaturePoint).items()
    ]


def summary(found: list[Looked]) -> Table:
    """Return a row for each quantity and a column for each point."""
    rows = [(name, *(tell(looked) for looked in found)) for name, tell in ROWS.items()]
    reasons = [f"{looked.label}: {looked.kind.how}" for looked in found if looked.kind]
    caption = (
        "The Hessian of the cost of the same fixed examples. λmax and λmin are its largest and smallest eigenvalue; "
        "the trace is the sum of all, with its 95 % interval unless it is exact. The condition number is the largest "
        "over the smallest magnitude, “≥” where no more can be told. Above its bound the rule in use diverges. "
        f"Gauss–Newton: the Hessian without the curvature of the network itself. {'; '.join(reasons)}."
    )
    kept = [row for row in rows if any(row[1:])]
    return Table("Curvature", ("", *(f"{looked.label} weights" for looked in found)), kept, caption)


def _largest(looked: Looked) -> str:
    return number(looked.eigenvalues.top[0].value) if looked.eigenvalues else ""


def _smallest(looked: Looked) -> str:
    return number(looked.eigenvalues.bottom[0].value) if looked.eigenvalues else ""


def _trace(looked: Looked) -> str:
    if not looked.spectrum:
        return ""
    samples = looked.spectrum.trace
    value = number(sum(samples) / len(samples))
    if len(samples) < 2:  # formed, and exact
        return value
    low, high = mean_interval(samples)
    return f"{value} [{number(low)}, {number(high)}]"


def _condition(looked: Looked) -> str:
    if not looked.condition or isnan(looked.condition.number or float("nan")):
        return ""
    return f"{'≥ ' if looked.condition.is_bound else ''}{number(looked.condition.number)}"


def _definiteness(looked: Looked) -> str:
    if not looked.condition:
        return ""
    kind, chance = looked.condition.definiteness, looked.condition.chance
    if not chance:
        return kind
    if kind.startswith("positive"):
        return f"seen as {kind}; at 95 % none is below {number(looked.condition.least)}"
    return f"seen as {kind}; otherwise by a chance of {percent(chance)}"


def _gauss_newton(looked: Looked) -> str:
    top = looked.gauss_newton.top if looked.gauss_newton else ()
    return number(top[0].value) if top else ""


def _bound(looked: Looked) -> str:
    return "" if isnan(looked.bound) else number(looked.bound)


ROWS: Mapping[str, Callable[[Looked], str]] = {
    "step": lambda looked: "" if looked.label == "checkpoint" else str(looked.step),
    "cost": lambda looked: number(looked.point.loss),
    "gradient norm": lambda looked: number(looked.point.gradient_norm),
    "kind of point": lambda looked: looked.kind.kind if looked.kind else "",
    "λmax": _largest,
    "bound on λ, of the rule": _bound,
    "λmin": _smallest,
    "definiteness": _definiteness,
    "condition number": _condition,
    "trace": _trace,
    "Gauss–Newton λmax": _gauss_newton,
}
