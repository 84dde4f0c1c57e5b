"""Targets not scaled: the output must first grow to the targets' size, and the gradients scale with the errors.

For squared error, the gradient is proportional to the residual y − f(x). Targets of size s make the gradients s times
and the loss s² times as large. So SGD needs a learning rate that depends on s. Adam changes each weight by about lr in
each step, so an output bias needs s/lr steps.
"""

from descend.core.bound import Bound
from descend.doctor.assess.progress_messages import not_learned_message
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.record.task import Task
from descend.doctor.remedy_arguments.learning_rates import default_adam_rate_if_far
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import ADAM_AS_WORKAROUND

SOURCE = "LeCun et al. 1998, §4.5: targets should be within the range of the output units; Bishop 1995, §8.2"
LARGE = Bound(
    10.0,
    "root mean square of the targets",
    "chosen: the value of standardised targets is 1, an order of magnitude lower",
)
SMALL = Bound(
    0.1,
    "root mean square of the targets",
    "chosen: the value of standardised targets is 1, an order of magnitude higher",
)

PROBLEM = Problem(
    id="targets_not_scaled",
    kind="statics",
    title="targets are not scaled",
    consequences=frozenset(
        {
            "clipping_too_hard",
            "exploding_gradients",
            "instability",
            "dead_units",
            "oscillation",
            "slow_progress",
            "plateau",
            "stopped_too_early",
        }
    ),
    remedies=(
        RemedyEntry(
            "standardise_targets",
            only_optimizer,
            "standardise targets",
            phrases.UNIT_SCALE_OUTPUTS,
            "LeCun et al. 1998, §4.5",
        ),
        RemedyEntry(
            "standardise_data+standardise_targets",
            only_optimizer,
            "standardise the targets, and the inputs where they are made",
            phrases.EVEN_CURVATURE,
            phrases.SCALING_SOURCE,
            cost=3,
        ),
        RemedyEntry(
            "standardise_data+standardise_targets+learning_rate",
            default_adam_rate_if_far,
            f"standardise the targets, and the inputs where they are made, {phrases.NEW_LEARNING_RATE}",
            phrases.EVEN_CURVATURE,
            phrases.SCALING_SOURCE,
            cost=4,
        ),
        RemedyEntry(
            "standardise_inputs+standardise_targets",
            only_optimizer,
            "standardise inputs and targets",
            phrases.EVEN_CURVATURE,
            phrases.SCALING_SOURCE,
            cost=4,
        ),
        RemedyEntry(
            "standardise_inputs+standardise_targets+learning_rate",
            default_adam_rate_if_far,
            f"standardise inputs and targets, {phrases.NEW_LEARNING_RATE}",
            phrases.EVEN_CURVATURE,
            phrases.SCALING_SOURCE,
            cost=5,
        ),
        ADAM_AS_WORKAROUND,
    ),
    example=CodeExample(
        faulty="loss = F.mse_loss(predictions, prices)  # prices are about 200,000",
        fixed=(
            "scaled = (prices - prices.mean()) / prices.std()\n"
            "loss = F.mse_loss(predictions, scaled)\n"
            "estimates = predictions * prices.std() + prices.mean()"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report real targets whose root mean square is above 10 or below 0.1, in a run that learns little."""
    given, targets = record.fact(facts.LossInput), record.fact(facts.Targets)
    if given is None or targets is None or given.task != Task.REAL:
        return None
    size, mean, std = targets.largest_rms, targets.mean, targets.std
    if size is None or mean is None or std is None or not std > 0:
        return None
    if SMALL <= size <= LARGE or not summary.is_stuck("0", LITTLE_LEARNED):
        return None
    return Detection(
        certain=False,
        likely=True,
        sentence=f"the targets have mean {mean:.3g} and standard deviation {std:.3g}. Their root mean square is "
        f"{size:.3g}, while a freshly initialised output layer reaches {SMALL:g} to {LARGE:g}; "
        f"{not_learned_message(summary, '0', LITTLE_LEARNED)}",
        quantity="root mean square of the targets",
        value=size,
        bound=LARGE if size > LARGE else SMALL,
        source=SOURCE,
        where=record.site(SiteKind.LOSS),
        evidence=(("loss", "0"), ("metric", "squared_error")),
    )
