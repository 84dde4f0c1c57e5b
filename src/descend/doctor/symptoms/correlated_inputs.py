"""Correlated inputs: even standardised features can be so correlated that gradient descent progresses slowly.

For a linear layer with squared error, the Hessian is the second moment of the inputs. In each step, the error along an
eigenvector of the eigenvalue λ shrinks by the factor 1 − lr·λ, and lr must be below 2/λmax. So the slowest direction
needs about κ = λmax/λmin steps.

Ordinary data are correlated, too: digits have a condition number of 200 to 2,300. Correlation slows a run only if no
stable learning rate reaches the flat directions within its steps. The loss must also fall as slowly as such a
condition number predicts. A short run, or one with a decayed learning rate, is slow for other reasons.
"""

from descend.core.bound import Bound
from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.stability import uses_rule
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.assess.training_time import fitted_condition_number, largest_reachable_condition
from descend.doctor.record import Record, facts
from descend.doctor.remedy_arguments.optimizer_settings import usual_momentum
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.ill_conditioned_curvature import ILL
from descend.doctor.symptoms.places import data_site
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import ADAM_AS_WORKAROUND

SOURCE = "LeCun et al. 1998, §4.3: decorrelate the inputs, since the Hessian of a first layer is E[x xᵀ]"
LARGEST_RMS = Bound(5.0, "root mean square of the largest feature", "chosen: smaller inputs need no scaling")
SMALLEST_RMS = Bound(0.2, "root mean square of the largest feature", "chosen: larger inputs need no scaling")

PROBLEM = Problem(
    id="correlated_inputs",
    kind="statics",
    title="inputs are correlated",
    consequences=frozenset({"ill_conditioned_curvature", "slow_progress", "plateau", "stopped_too_early"}),
    remedies=(
        RemedyEntry(
            "whiten_data",
            only_optimizer,
            "whiten inputs where they are made",
            phrases.EQUAL_INPUT_VARIANCE,
            "LeCun et al. 1998, §4.3",
        ),
        RemedyEntry(
            "whiten_inputs",
            only_optimizer,
            "whiten inputs",
            phrases.EQUAL_INPUT_VARIANCE,
            "LeCun et al. 1998, §4.3",
            cost=3,
        ),
        RemedyEntry(
            "optimizer_argument",
            usual_momentum,
            "momentum {value:g}",
            "with momentum, the steps along flat directions add up",
            "Ba, CSC413 lecture 4, Momentum",
            decides=False,
            cost=1,
        ),
        ADAM_AS_WORKAROUND,
    ),
    example=CodeExample(
        faulty=(
            "# Neighbouring wavelengths of a spectrum have almost the same intensity.\n"
            "inputs = torch.from_numpy(StandardScaler().fit_transform(spectra)).float()"
        ),
        fixed="inputs = torch.from_numpy(PCA(whiten=True).fit_transform(spectra)).float()",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report scaled inputs that are so strongly correlated that gradient descent progresses slowly in this run."""
    inputs = record.fact(facts.Inputs)
    condition, reach = (
        record.series("input_condition_number_standardised").last,
        largest_reachable_condition(record, "0"),
    )
    if inputs is None or not condition > reach or not SMALLEST_RMS <= inputs.largest_rms <= LARGEST_RMS:
        return None
    if not uses_rule(record, "0", ("SGD",)) or not summary.cost_left > LEFT_TO_LEARN:
        return None
    if summary.first_rise("0") is not None or not fitted_condition_number(record, "0") > ILL:
        return None
    return Detection(
        certain=False,
        sentence="the inputs are scaled but strongly correlated: the condition number of their second-moment matrix is "
        f"{condition:,.0f}. In {record.steps} steps of the longest stable length, gradient descent only makes "
        f"progress along directions with at least 1/{reach:,.0f} of the largest curvature; "
        f"{loss_left_message(summary)}",
        quantity="condition_number",
        value=condition,
        bound=reach,
        source=SOURCE,
        where=data_site(record),
        evidence=(("loss", "0"), ("curvature", "0"), ("learning_rate", "0")),
    )
