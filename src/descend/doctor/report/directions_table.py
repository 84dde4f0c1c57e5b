"""What each direction of the curvature does at the rate in use: predicted by the rule, and observed in the run."""

from collections.abc import Mapping
from typing import Any

from descend.doctor.course.stability import PRECONDITIONED
from descend.doctor.record import facts
from descend.doctor.report.table import Table
from descend.doctor.report.wording import number
from descend.dynamics import LinearRule, Motion, Observation, agreement, linear_rule, observed, predicted

HEAD = ("λ", "α·λ", "predicted", "observed", "α·λ observed", "agree")


def directions_table(label: str, step: int, optimizer: Mapping[str, Any], measured: facts.Directions) -> Table | None:
    """Return the table of one point; None where nothing is known of its rule."""
    rule, lr = linear_rule(optimizer, step), float(optimizer.get("lr") or 0.0)
    if rule is None or not lr or (optimizer["class"] in PRECONDITIONED and not measured.rescaled):
        return None  # an adaptive rule that has not stepped divides by nothing yet
    steps = measured.steps
    rows = [_row(each, rule, lr) for each in measured.directions]
    seen = f"over the steps {steps[0]} to {steps[-1]}" if len(steps) > 1 else "nowhere: the path was not kept"
    of = " of P⁻¹H, in which the rule is gradient descent" if measured.rescaled else ""
    caption = (
        f"The directions are the eigenvectors{of} at the {label} weights. By its factor the distance from the centre "
        f"of the parabola is multiplied at each step. Predicted: by {optimizer['class']} at the rate {number(lr)} on a "
        f"quadratic of that curvature. Observed: {seen}, by the α·λ that the way shows under that rule, with its "
        "standard error; driven: it has settled, and follows what the other directions do to its centre. They agree "
        "where a t test at 5 % or a tenth of α·λ cannot tell them apart; nothing is told by what it cannot tell from 0 "
        "either. Where they do not agree, the cost is no such parabola over the way that the run goes."
    )
    whose = ", eigenvectors of P⁻¹H" if measured.rescaled else ""
    return Table(f"Directions at the {label} weights{whose}", HEAD, rows, caption, frozenset({0, 1}))


def _row(measured: facts.Direction, rule: LinearRule, lr: float) -> tuple[str, ...]:
    curvature = measured.curvature
    said = predicted(rule, lr, curvature)
    head = (number(curvature), number(lr * curvature), f"{said.kind} ×{_factor(said)}")
    try:
        seen = observed(measured.course, measured.gradient, curvature, rule, lr)
    except ValueError:
        return (*head, "not seen", "", "")
    if seen.kind == "driven":
        return (*head, "driven", "", "")
    told = f"{number(seen.length)} ± {number(float(f'{seen.standard_error:.2g}'))}"
    return (*head, f"{seen.kind} ×{_factor(seen.motion)}", told, _agrees(seen, curvature))


def _agrees(seen: Observation, curvature: float) -> str:
    """Return whether they agree; nothing is told by what would agree with no curvature as well."""
    found = agreement(seen, curvature)
    if not found.holds:
        return "no"
    return "yes" if found.is_near or not agreement(seen, 0.0).holds else "cannot tell"


def _factor(motion: Motion) -> str:
    sign = -1 if not motion.root.imag and motion.root.real < 0 else 1
    return number(sign * motion.rate)
