"""Stopped too early: the run needs more steps and nothing else.

If the error shrinks by the factor ρ in each step, it takes log ε / log ρ steps to reach the share ε of its initial
value. A run that ends while the loss still falls steadily has not taken these steps.
"""

from descend.core.bound import Bound, Count
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedy_arguments.training_loop import more_passes
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Ba, CSC413 lecture 4, Training Curves: a training curve cannot guarantee that a run has converged"
LEFT = Bound(
    0.2,
    "share of the cost of the best constant prediction",
    "chosen: if the cost is lower, a longer run is not worth the time",
)
STILL_FALLING = Bound(
    0.2,
    "relative fall of the cost over the last half of the run",
    "chosen: a cost that falls by a fifth has not converged",
)
MOST = Bound(
    0.5,
    "share of the cost of the best constant prediction",
    "chosen: above this cost, a slower fall is enough for a report",
)
SLOWLY = Bound(
    0.05,
    "relative fall of the cost over the last half of the run",
    "chosen: such a small fall only counts while most of the cost is left",
)
FEW = Count(200, "steps", "chosen: in a shorter run, a proportionally smaller fall is enough for a report")

PROBLEM = Problem(
    id="stopped_too_early",
    kind="dynamics",
    title="the run stopped too early",
    remedies=(
        RemedyEntry(
            "training_length",
            more_passes,
            "train {times} times as long",
            "the run is still learning",
            "Ba, CSC413 lecture 4, Training Curves",
            cost=1,
        ),
    ),
    example=CodeExample(
        faulty=(
            "for epoch in range(2):  # the loss is still falling\n"
            "    for inputs, targets in loader:\n"
            "        training_step(inputs, targets)"
        ),
        fixed="for epoch in range(20):\n    for inputs, targets in loader:\n        training_step(inputs, targets)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a run that has ended normally although its loss was high and still falling steadily.

    The run is not reported if a logged share, such as an accuracy, is already within a tenth of its best value.
    """
    if not summary.ended_smoothly or summary.remaining_share_gap < LEFT_TO_LEARN:
        return None
    fallen = summary.relative_fall()
    bound = SLOWLY * min(1.0, record.steps / FEW) if summary.cost_left > MOST else STILL_FALLING
    if not summary.cost_left > LEFT or fallen < bound:
        return None
    return Detection(
        certain=False,
        likely=fallen >= STILL_FALLING,
        sentence=f"the run ends after {record.steps} steps while the loss is still falling, by {fallen:.0%} over the "
        f"last half (limit: {bound:.0%}), and {summary.cost_left:.0%} of the reference loss is left: it needs more "
        "steps",
        quantity="fall of the cost over the last half",
        value=fallen,
        bound=bound,
        source=SOURCE,
        where=record.site(SiteKind.STEP, "0"),
    )
