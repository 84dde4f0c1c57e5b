"""Correlated inputs: standardised one by one, they still make a ravine along the directions that they share."""

from descend.doctor.course.progress import LEFT_TO_LEARN, cost_left, cost_left_in_words
from descend.doctor.course.stability import is_of
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.places import data_site
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "LeCun et al. 1998, §4.3: decorrelate the inputs; the Hessian of a first layer is E[x xᵀ]"
ILL = Bound(
    500.0, "condition number of the standardised inputs", "chosen: digits have 150 to 2000, so that only a cure decides"
)
LARGEST_RMS = Bound(5.0, "root mean square of the largest feature", "chosen: below it the inputs are scaled already")
SMALLEST_RMS = Bound(0.2, "root mean square of the largest feature", "chosen: above it the inputs are scaled already")


def correlated_inputs(record: Record) -> Sign | None:
    """Inputs of unit scale that are ill-conditioned by correlation alone, with gradient descent and much cost left."""
    inputs = record.fact(facts.Inputs)
    condition = record.series("input_condition_number_standardised").last
    if inputs is None or not condition > ILL or not SMALLEST_RMS <= inputs.largest_rms <= LARGEST_RMS:
        return None
    if not is_of(record, "0", ("SGD",)) or not cost_left(record) > LEFT_TO_LEARN:
        return None
    return Sign(
        certain=False,
        sentence=f"the inputs are scaled but strongly correlated: the condition number of their second moments is "
        f"{condition:,.0f} (bound {ILL:,.0f}), and {cost_left_in_words(record)} is left along the flat directions",
        quantity="condition_number",
        value=condition,
        bound=ILL,
        source=SOURCE,
        where=data_site(record),
        evidence=(("loss", "0"), ("curvature", "0")),
    )
