"""Correlated inputs: standardised one by one, they still make a ravine along the directions that they share.

Ordinary data are correlated, too: digits have a condition number of 200 to 2,300. It holds a run up only where no
learning rate reaches the flat directions in the run's steps, and only where the cost falls as slowly as such a ravine
lets it, in training time. A run whose learning rate was brought down, or that is short, has other causes.
"""

from descend.doctor.course.progress import LEFT_TO_LEARN, cost_left, first_rise, loss_left_message
from descend.doctor.course.stability import is_of
from descend.doctor.course.training_time import fitted_condition_number, longest_reach
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.ill_conditioned_curvature import ILL
from descend.doctor.symptoms.places import data_site
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "LeCun et al. 1998, §4.3: decorrelate the inputs; the Hessian of a first layer is E[x xᵀ]"
LARGEST_RMS = Bound(5.0, "root mean square of the largest feature", "chosen: below it the inputs are scaled already")
SMALLEST_RMS = Bound(0.2, "root mean square of the largest feature", "chosen: above it the inputs are scaled already")


def correlated_inputs(record: Record) -> Sign | None:
    """Inputs of unit scale whose flat directions gradient descent cannot reach in the run, with much cost left."""
    inputs = record.fact(facts.Inputs)
    condition, reach = record.series("input_condition_number_standardised").last, longest_reach(record, "0")
    if inputs is None or not condition > reach or not SMALLEST_RMS <= inputs.largest_rms <= LARGEST_RMS:
        return None
    if not is_of(record, "0", ("SGD",)) or not cost_left(record) > LEFT_TO_LEARN:
        return None
    if first_rise(record, "0") is not None or not fitted_condition_number(record, "0") > ILL:
        return None
    return Sign(
        certain=False,
        sentence=f"the inputs are scaled but strongly correlated: the condition number of their second moments is "
        f"{condition:,.0f}. In {record.steps} steps of the longest stable length, gradient descent reaches directions "
        f"down to 1/{reach:,.0f} of the largest; {loss_left_message(record)}",
        quantity="condition_number",
        value=condition,
        bound=reach,
        source=SOURCE,
        where=data_site(record),
        evidence=(("loss", "0"), ("curvature", "0"), ("learning_rate", "0")),
    )
