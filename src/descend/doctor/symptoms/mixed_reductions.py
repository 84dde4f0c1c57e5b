"""Mixed reductions: one loss term is a sum and another a mean, so the sum dominates.

For a batch of S examples, a sum is S times the mean. So Σ L₁ + c·mean L₂ equals S·(mean L₁ + (c/S)·mean L₂): the second
term has 1/S of its intended weight. The balance also changes with the batch size, and in the last, smaller batch.
"""

from descend.core.bound import Bound
from descend.doctor.assess.evaluation_metric import STUCK
from descend.doctor.assess.modules import excess_weight
from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.losses import divisor_by_likelihood, divisor_of_sum, sum_reduction
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Kingma & Welling 2014, eq. 10: both terms belong to one example; torch.nn.MSELoss: a mean by default"
ALIKE = Bound(
    0.1,
    "share of the standard deviation of the targets",
    "chosen: if the outputs differ less between examples, they carry no information about them",
)

PROBLEM = Problem(
    id="mixed_reductions",
    kind="statics",
    title="one loss term is a sum and another one a mean",
    consequences=frozenset({"sum_reduction"}),
    remedies=(
        RemedyEntry(
            "loss_reduction",
            sum_reduction,
            "sum the averaged loss term over the batch, too: reduction={reduction!r}",
            "both terms are then sums over the batch",
            "Kingma & Welling 2014, eq. 10",
            cost=1,
        ),
        RemedyEntry(
            "weigh_term",
            divisor_of_sum,
            "divide the summed loss term by {divisor}",
            "both terms are then averages over the values",
            "Kingma & Welling 2014, eq. 10",
            cost=1,
        ),
        RemedyEntry(
            "weigh_term",
            divisor_by_likelihood,
            "divide the summed loss term by {divisor:g}",
            "a squared error is 2σ² times a Gaussian negative log-likelihood, and σ² is at most the variance of the "
            "targets",
            "Kingma & Welling 2014, App. C.2; Rybkin et al. 2021, §3",
            cost=1,
        ),
    ),
    example=CodeExample(
        faulty=(
            "reconstruction = F.mse_loss(outputs, images)\n"
            "divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()\n"
            "loss = reconstruction + divergence"
        ),
        fixed=(
            'reconstruction = F.mse_loss(outputs, images, reduction="sum")\n'
            "divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()\n"
            "loss = (reconstruction + divergence) / len(images)"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a loss in which one term is a sum and another one a mean, in a run with much left to learn."""
    term = record.fact(facts.MixedReductions)
    if (
        term is None
        or not summary.cost_left > LEFT_TO_LEARN
        or not (term.over_batch or _are_outputs_uninformative(record, summary))
    ):
        return None
    times = excess_weight(term)
    if term.over_batch:
        reduced = f"a sum over the {times} examples: it grows with the batch size and dominates the averaged term"
    elif times < term.values:
        reduced = (
            f"averaged over {term.own} values of each example, not {term.values}, so it has {times} times the weight"
        )
    else:
        reduced = f"summed for each example, not averaged over {times} values, so it has {times} times the weight"
    return FatalDetection(
        certain=False,
        likely=True,
        sentence=f"{term.function} is a mean over the batch and all values, but another loss term is {reduced}; "
        f"{loss_left_message(summary)}",
        quantity="factor by which the weight of one term is too large",
        value=float(times),
        bound=1.0,
        source=SOURCE,
        where=record.site(SiteKind.SUMMED_TERM) or record.site(SiteKind.LOSS),
    )


def _are_outputs_uninformative(record: Record, summary: RunSummary) -> bool:
    """Return whether the outputs are almost the same for all examples, or no better than a constant prediction."""
    given, targets = record.fact(facts.LossInput), record.fact(facts.Targets)
    spread, scale = given.spread if given else 0.0, targets.std or 0.0 if targets else 0.0
    return summary.cost_left > STUCK or spread < ALIKE * scale
