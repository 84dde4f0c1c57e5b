"""Batch size: the batches are so large that an epoch has only a few steps.

N examples in batches of S give N/S steps in each epoch. The variance of the gradient is proportional to 1/S. As soon as
this noise is small, a larger batch improves a step very little, but there are fewer of them. Above the critical batch
size, twice the examples per step save almost no steps (McCandlish et al. 2018).
"""

from descend.core.bound import Bound, Count
from descend.doctor.assess.batches import USUAL_BATCH, mean_batch_size, noise_scale
from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record
from descend.doctor.remedy_arguments.training_loop import smaller_batch
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.places import data_site
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "McCandlish et al. 2018, §2.2: above the gradient noise scale, larger batches need almost as many steps"
LARGE = Count(
    128,
    "examples in a batch",
    "chosen: smaller batches are usual and rarely the reason for too few steps",
)
BEYOND = Bound(
    4.0,
    "multiple of the gradient noise scale",
    "chosen: above the gradient noise scale, larger batches need almost as many steps (McCandlish et al. 2018, §2.2)",
)
STILL_FALLING = Bound(
    0.05,
    "relative fall of the cost over the last half of the run",
    "chosen: a cost that still falls by this share would fall further with more steps",
)

PROBLEM = Problem(
    id="batch_size",
    kind="dynamics",
    title="the batches are so large that there are too few steps",
    consequences=frozenset({"stopped_too_early"}),
    remedies=(
        RemedyEntry(
            "batch_size",
            smaller_batch,
            phrases.NEW_BATCH_SIZE,
            "the run then takes more steps with the same number of examples",
            "McCandlish et al. 2018, §2.2",
            cost=1,
        ),
    ),
    example=CodeExample(
        faulty=(
            "# The dataset has 5,000 examples, so an epoch is a single step.\n"
            "loader = DataLoader(dataset, batch_size=5000, shuffle=True)"
        ),
        fixed="loader = DataLoader(dataset, batch_size=64, shuffle=True)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report large batches in a run that has ended normally although its loss was high and still falling."""
    if not summary.ended_smoothly:
        return None
    size, noise = mean_batch_size(record), noise_scale(record)
    least = max(LARGE, BEYOND * noise) if noise is not None else LARGE
    if not size >= least or not summary.cost_left > LEFT_TO_LEARN or summary.relative_fall() < STILL_FALLING:
        return None
    known = f"(gradient noise scale: {noise:.2g})" if noise is not None else f"(usual: {USUAL_BATCH})"
    return Detection(
        certain=False,
        sentence=f"each step averages {size:.0f} examples {known}, so the run has only {record.steps} steps; "
        f"{loss_left_message(summary)}, and the loss is still falling",
        quantity="examples in a batch",
        value=size,
        bound=least,
        source=SOURCE,
        where=data_site(record),
        optimizer="0",
        evidence=(("loss", "0"), ("gradient_noise_scale", "0")),
    )
