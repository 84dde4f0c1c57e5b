"""The motion along each eigenvector of the Hessian: predicted from the update rule, and observed in the run."""

from collections.abc import Mapping
from typing import Any

from descend.doctor.assess.stability import PRECONDITIONED
from descend.doctor.record import facts
from descend.doctor.report.formatting import number
from descend.dynamics import LinearRule, Motion, Observation, agreement, linear_rule, observed, predicted
from descend.lab.pages.table import Table

HEAD = ("λ", "α·λ", "predicted", "observed", "α·λ observed", "agree")


def directions_table(label: str, step: int, optimizer: Mapping[str, Any], measured: facts.Directions) -> Table | None:
    """Return a table of the weights' motion along Hessian eigenvectors; None without a prediction for the optimizer."""
    rule, lr = linear_rule(optimizer, step), float(optimizer.get("lr") or 0.0)
    if rule is None or not lr or (optimizer["class"] in PRECONDITIONED and not measured.rescaled):
        return None  # Before its first step, an adaptive optimizer has no preconditioner.
    steps = measured.steps
    rows = [_motion_row(each, rule, lr) for each in measured.directions]
    seen = (
        f"over the steps {steps[0]} to {steps[-1]}" if len(steps) > 1 else "not available (the path was not recorded)"
    )
    of = " of P⁻¹H, where P is the preconditioner of the optimizer," if measured.rescaled else ""
    caption = (
        f"The directions are the eigenvectors{of} at the {label} weights. Each step multiplies the distance from the "
        f"stationary point along the direction by the factor after ×. Predicted: {optimizer['class']} with learning "
        f"rate {number(lr)} on a quadratic function with curvature λ. Observed: {seen}; α·λ is fitted to the path "
        "under the same update rule, with its standard error. Driven: the direction has converged and follows changes "
        "caused by the other directions. Prediction and observation agree if they differ by less than a tenth, or if "
        "a t test at 5 % finds no difference. “Cannot tell”: the observed value does not differ significantly from 0 "
        "either. If they disagree, the loss is not quadratic along the path."
    )
    whose = ", eigenvectors of P⁻¹H" if measured.rescaled else ""
    return Table(f"Directions at the {label} weights{whose}", HEAD, rows, caption, frozenset({0, 1}))


def _motion_row(measured: facts.Direction, rule: LinearRule, lr: float) -> tuple[str, ...]:
    """Return the cells of a row: the predicted and the observed motion of the weights along one eigenvector."""
    curvature = measured.curvature
    expected = predicted(rule, lr, curvature)
    head = (number(curvature), number(lr * curvature), f"{expected.kind} ×{_factor_text(expected)}")
    try:
        seen = observed(measured.course, measured.gradient, curvature, rule, lr)
    except ValueError:
        return (*head, "not observed", "", "")
    if seen.kind == "driven":
        return (*head, "driven", "", "")
    fitted = f"{number(seen.length)} ± {number(float(f'{seen.standard_error:.2g}'))}"
    return (*head, f"{seen.kind} ×{_factor_text(seen.motion)}", fitted, _agreement_text(seen, curvature))


def _agreement_text(seen: Observation, curvature: float) -> str:
    """Return "yes" if the observed motion fits the curvature, "no" if not, "cannot tell" if it fits 0 as well."""
    found = agreement(seen, curvature)
    if not found.holds:
        return "no"
    return "yes" if found.is_near or not agreement(seen, 0.0).holds else "cannot tell"


def _factor_text(motion: Motion) -> str:
    """Return the factor by which a step multiplies the distance, as text. It is negative if the weights oscillate."""
    sign = -1 if not motion.root.imag and motion.root.real < 0 else 1
    return number(sign * motion.rate)
