"""Outliers: a few extreme targets cause most of the squared error.

The gradient of r²/2 is the residual r. So a residual of 100 has the gradient of 100 residuals of size 1, and the loss
of 10,000 of them. A few extreme targets then determine the fit. The gradient of the Huber loss is at most δ (Huber
1964).
"""

from descend.core.bound import Bound
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.losses import robust_loss
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Huber 1964: with squared errors, one gross error can outweigh all others"
FAR = Bound(
    50.0,
    "distance from the median, in median absolute deviations",
    "chosen: of 10¹⁰ normally distributed values, not one is more than 10 of these deviations from the median",
)
APART = Bound(
    3.0,
    "distance of the outliers from the median divided by that of the farthest other target",
    "chosen: in samples of heavy-tailed distributions, this ratio is smaller",
)
SPREAD = Bound(
    5.0,
    "multiple of the standard deviation without the extreme values",
    "chosen: above this ratio, a few values determine the standard deviation",
)
NORMAL = 1.4826  # standard deviation of a normal distribution divided by its median absolute deviation

PROBLEM = Problem(
    id="outliers",
    kind="statics",
    title="a few examples dominate the loss",
    consequences=frozenset(
        {"targets_not_scaled", "exploding_gradients", "instability", "slow_progress", "fluctuations"}
    ),
    remedies=(
        RemedyEntry(
            "matching_loss",
            robust_loss,
            "use the Huber loss instead of the squared error",
            "the gradient of large errors is then limited",
            "Huber 1964",
            judged_on="median",
        ),
    ),
    advice="Correct or drop those examples. A robust loss such as torch.nn.HuberLoss tolerates them.",
    example=CodeExample(
        faulty=(
            "# Prices are in millions, but a few were entered in single dollars.\n"
            "loss = F.mse_loss(predictions, prices)"
        ),
        fixed="loss = F.huber_loss(predictions, prices)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report extreme values among real targets with a squared-error loss, in a run that learns little."""
    given, targets = record.fact(facts.LossInput), record.fact(facts.Targets)
    if given is None or targets is None or given.function != "mse_loss" or not targets.deviation > 0:
        return None
    # The columns of a target may have different scales.
    columns = [size for size in given.target_shape[1:] if size > 1]
    middle, deviation, std = targets.median, targets.deviation, targets.std
    if columns or middle is None or std is None:
        return None
    far = max(targets.max - middle, middle - targets.min) / deviation
    spread = std / (NORMAL * deviation)
    if not far < float("inf") or far < FAR or spread < SPREAD or targets.gap < APART:
        return None
    if not summary.is_stuck("0", LITTLE_LEARNED):
        return None
    return Detection(
        certain=True,
        sentence=f"a target is {far:.0f} median absolute deviations from the median (limit: {FAR:g}). The standard "
        f"deviation is {std:.3g} over all targets and {NORMAL * deviation:.3g} without the extremes, so a few examples "
        "dominate the squared error",
        quantity="largest deviation / median absolute deviation",
        value=far,
        bound=FAR,
        source=SOURCE,
        where=record.site(SiteKind.LOSS),
    )
