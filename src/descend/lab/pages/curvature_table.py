"""The curvature at each point of a run, as one table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isnan

from descend.core.interval import mean_interval
from descend.doctor.assess.stability import PRECONDITIONED, stability_bound
from descend.doctor.record import Record, facts
from descend.doctor.report.formatting import number, percent
from descend.lab.pages.table import Table

# These are the names of the measurements in the output of `--format json`.
FACTS = {
    facts.CurvaturePoint: "point",
    facts.Eigenvalues: "eigenvalues",
    facts.PointKind: "kind",
    facts.Directions: "directions",
    facts.GaussNewton: "gauss_newton",
    facts.Taylor: "taylor",
    facts.Spectrum: "spectrum",
    facts.ConditionNumber: "condition",
}


@dataclass(frozen=True)
class MeasuredPoint:
    """The curvature measurements at one step of the run; a measurement that was not made is None."""

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
    def stability_limit(self) -> float:
        """Return the largest Hessian eigenvalue at which the optimizer is stable; NaN if this limit is not known."""
        if not self.point.optimizer:
            return float("nan")
        optimizer = facts.optimizer_of(self.point.optimizer)
        found, lr = stability_bound(optimizer), optimizer.lr
        is_rescaled = self.directions is not None and self.directions.rescaled
        is_of_hessian = optimizer.rule not in PRECONDITIONED and not is_rescaled
        return found.value / lr if found and lr and is_of_hessian else float("nan")


def measured_points(record: Record) -> list[MeasuredPoint]:
    """Return the curvature measurements in a record, in the order of the steps, even if the run was interrupted."""
    return [
        MeasuredPoint(
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


def summary_table(found: list[MeasuredPoint]) -> Table:
    """Return a table with a row for each measure of curvature and a column for each step at which it was measured."""
    rows = [(name, *(text_of(point) for point in found)) for name, text_of in ROWS.items()]
    reasons = [f"{point.label}: {point.kind.how}" for point in found if point.kind]
    caption = (
        "The Hessian of the loss on the same fixed examples. λmax and λmin are its largest and smallest eigenvalue; "
        "the trace is the sum of all eigenvalues, with its 95 % interval unless it is exact. The condition number is "
        "the ratio of the largest magnitude of an eigenvalue to the smallest; “≥” marks a lower bound. If λmax exceeds "
        "the stability limit, the optimizer diverges. Gauss–Newton: the Hessian without the second derivatives of the "
        f"network's outputs. {'; '.join(reasons)}."
    )
    kept = [row for row in rows if any(row[1:])]
    return Table("Curvature", ("", *(f"{point.label} weights" for point in found)), kept, caption)


def _largest_eigenvalue_text(point: MeasuredPoint) -> str:
    """Return the largest Hessian eigenvalue as text; "" if it was not measured."""
    return number(point.eigenvalues.top[0].value) if point.eigenvalues else ""


def _smallest_eigenvalue_text(point: MeasuredPoint) -> str:
    """Return the smallest Hessian eigenvalue as text; "" if it was not measured."""
    return number(point.eigenvalues.bottom[0].value) if point.eigenvalues else ""


def _trace_text(point: MeasuredPoint) -> str:
    """Return the trace of the Hessian as text, with its 95 % interval unless it is exact."""
    if not point.spectrum:
        return ""
    samples = point.spectrum.trace
    value = number(sum(samples) / len(samples))
    if len(samples) < 2:  # The whole Hessian was computed, so its trace is exact.
        return value
    low, high = mean_interval(samples)
    return f"{value} [{number(low)}, {number(high)}]"


def _condition_number_text(point: MeasuredPoint) -> str:
    """Return the condition number of the Hessian as text, with "≥" if it is a lower bound."""
    if not point.condition or isnan(point.condition.number or float("nan")):
        return ""
    return f"{'≥ ' if point.condition.is_bound else ''}{number(point.condition.number)}"


def _definiteness_text(point: MeasuredPoint) -> str:
    """Return the definiteness of the Hessian as text, with the probability that it is wrong."""
    if not point.condition:
        return ""
    kind, chance = point.condition.definiteness, point.condition.chance
    if not chance:
        return kind
    if kind.startswith("positive"):
        return f"probably {kind}; with 95 % confidence, no eigenvalue is below {number(point.condition.least)}"
    return f"probably {kind}; the probability that this is wrong is {percent(chance)}"


def _gauss_newton_text(point: MeasuredPoint) -> str:
    """Return the largest eigenvalue of the Gauss–Newton matrix as text; "" if it was not measured."""
    top = point.gauss_newton.top if point.gauss_newton else ()
    return number(top[0].value) if top else ""


def _stability_limit_text(point: MeasuredPoint) -> str:
    """Return the largest Hessian eigenvalue at which the optimizer is stable, as text; "" if it is not known."""
    return "" if isnan(point.stability_limit) else number(point.stability_limit)


ROWS: Mapping[str, Callable[[MeasuredPoint], str]] = {
    "step": lambda point: "" if point.label == "checkpoint" else str(point.step),
    "loss": lambda point: number(point.point.loss),
    "gradient norm": lambda point: number(point.point.gradient_norm),
    "kind of point": lambda point: point.kind.kind if point.kind else "",
    "λmax": _largest_eigenvalue_text,
    "stability limit of λ": _stability_limit_text,
    "λmin": _smallest_eigenvalue_text,
    "definiteness": _definiteness_text,
    "condition number": _condition_number_text,
    "trace": _trace_text,
    "Gauss–Newton λmax": _gauss_newton_text,
}
