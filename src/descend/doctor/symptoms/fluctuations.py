"""Fluctuations: at a constant learning rate, gradient noise keeps the parameters moving around the minimum.

Near a minimum of curvature λ, a step is w ← w − lr·(λ·w + ε), with noise ε of variance σ²/S for S examples. The
variance of w converges to lr·σ²/(S·λ·(2 − lr·λ)). So the loss stays above its minimum by an amount that is roughly
proportional to lr/S. A lower learning rate, a larger batch or an average of the weights reduces it.
"""

from statistics import fmean

from descend.core.bound import Bound, Count
from descend.doctor.assess.noise import noise_deviation
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.learning_rates import tenth_rate
from descend.doctor.remedy_arguments.schedules import average_over_a_tenth, decay_to_zero
from descend.doctor.remedy_arguments.training_loop import larger_batch
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = (
    "Ba, CSC413 lecture 4, Recap: fluctuations; Bottou et al. 2018, §4: the noise is proportional to the learning rate"
)
NOISY = Bound(
    0.4,
    "standard deviation of the losses divided by their mean",
    "chosen: docs/bounds.md gives the range of values that lead to the same diagnoses",
)
FLAT = Bound(
    0.15,
    "fall of the loss over the last half of the run, as a share of the mean loss",
    "chosen: losses of single batches are too noisy to show a smaller fall",
)
LOSSES = Count(
    30, "losses", "with this many losses, the relative uncertainty of their standard deviation is an eighth: 1/√(2·30)"
)
BROUGHT_DOWN = Bound(
    0.5, "share of the largest learning rate", "chosen: a learning rate that has been halved counts as decayed"
)

PROBLEM = Problem(
    id="fluctuations",
    kind="dynamics",
    title="gradient noise prevents further progress",
    remedies=(
        RemedyEntry(
            "linear_schedule",
            decay_to_zero,
            "decay the learning rate to 0 over the run",
            "the noise in the loss is proportional to the learning rate",
            "Bottou et al. 2018, §4",
        ),
        RemedyEntry(
            "learning_rate",
            tenth_rate,
            phrases.NEW_LEARNING_RATE,
            "the noise in the loss is proportional to the learning rate",
            "Bottou et al. 2018, §4",
            decides=False,
            cost=1,
        ),
        RemedyEntry(
            "batch_size",
            larger_batch,
            phrases.NEW_BATCH_SIZE,
            "the mean gradient of more examples has less noise",
            "Bottou et al. 2018, §4.2",
            decides=False,
            cost=1,
        ),
        RemedyEntry(
            "average_iterates",
            average_over_a_tenth,
            "use the average of the weights over about the last {steps} steps",
            "the noise of the iterates cancels in their average",
            "Ba, CSC413 lecture 4, Recap: fluctuations; Polyak & Juditsky 1992",
            neutral=True,
            acts_at_end=True,
        ),
    ),
    example=CodeExample(
        faulty=(
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.05)\n"
            "for epoch in range(epochs):\n"
            "    for inputs, targets in loader:  # batches of 2 examples\n"
            "        training_step(inputs, targets)"
        ),
        fixed=(
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.05)\n"
            "scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)\n"
            "for epoch in range(epochs):\n"
            "    for inputs, targets in loader:\n"
            "        training_step(inputs, targets)\n"
            "    scheduler.step()"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report losses that vary widely around a constant level, at a learning rate that is never decayed."""
    for key in record.every(facts.Optimizer):
        values = record.series("loss", key).finite().values
        tail = values[len(values) // 2 :]
        rates = record.series("learning_rate", key)
        if (
            len(tail) < LOSSES
            or not summary.cost_left > LEFT_TO_LEARN
            or rates.last < BROUGHT_DOWN * rates.max
            or fmean(tail) <= 0
        ):
            continue
        spread = noise_deviation(tail) / fmean(tail)
        half = len(tail) // 2
        fallen = 1 - fmean(tail[half:]) / fmean(tail[:half])
        error = spread * (2 / half) ** 0.5  # standard error of the relative fall of the loss
        if spread < NOISY or fallen > max(FLAT, 2 * error):
            continue
        return Detection(
            certain=False,
            sentence=f"over the last half of the run, the losses vary by {spread:.0%} of their mean (limit: "
            f"{NOISY:.0%}), which no longer falls: gradient noise at a constant learning rate prevents further "
            "progress",
            quantity="standard deviation of the loss / mean loss",
            value=spread,
            bound=NOISY,
            source=SOURCE,
            where=record.site(SiteKind.OPTIMIZER, key),
            optimizer=key,
            evidence=(("loss", key), ("learning_rate", key)),
        )
    return None
