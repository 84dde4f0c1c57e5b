"""Oscillation: the steps are so long that they jump from one side of the valley to the other.

Along a direction of curvature λ, each step multiplies the distance from the minimum by 1 − lr·λ. For 1 < lr·λ < 2, this
factor is negative: each step crosses the valley, and the distance shrinks slowly. Successive gradients point in
opposite directions.
"""

from descend.core.bound import Bound
from descend.doctor.assess.stability import learning_rate_times_curvature, stability_bound
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.learning_rates import half_rate
from descend.doctor.remedy_arguments.optimizer_settings import usual_momentum
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Ba, CSC413 lecture 4, Ill-conditioned curvature: if 1 < α·λ ≤ 2, the error along λ oscillates"
LEFT = Bound(
    0.01,
    "share of the cost of the best constant prediction",
    "chosen: if the cost is lower than this, half the learning rate gains nothing",
)
NEAR = Bound(
    0.85,
    "share of the stability limit",
    "chosen: above this share, each step changes the sign of the error along the steepest direction and keeps at "
    "least 0.7 of its size",
)

PROBLEM = Problem(
    id="oscillation",
    kind="dynamics",
    title="the steps oscillate",
    remedies=(
        RemedyEntry(
            "learning_rate",
            half_rate,
            phrases.NEW_LEARNING_RATE,
            "the error along λmax then shrinks without changing sign",
            "Ba, CSC413 lecture 4, Recap: oscillations",
            cost=1,
        ),
        RemedyEntry(
            "optimizer_argument",
            usual_momentum,
            "momentum {value:g}",
            "the oscillating parts of successive gradients cancel in the velocity",
            "Ba, CSC413 lecture 4, Recap: oscillations",
            neutral=True,
            cost=1,
        ),
    ),
    example=CodeExample(
        faulty="optimizer = torch.optim.SGD(model.parameters(), lr=0.2)  # unstable at 0.21",
        fixed="optimizer = torch.optim.SGD(model.parameters(), lr=0.1)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report gradient descent if most steps are just below the stability limit.

    A trial at half the learning rate must confirm that shorter steps help.
    """
    for key, optimizer in record.every(facts.Optimizer).items():
        bound = stability_bound(optimizer)
        lengths = learning_rate_times_curvature(record, key, "curvature").finite().values
        if optimizer.rule != "SGD" or bound is None or len(lengths) < 2 or summary.first_rise(key) is not None:
            continue
        near = [value for value in lengths if NEAR * bound.value <= value <= bound.value]
        if len(near) < len(lengths) / 2 or not summary.cost_left > LEFT:
            continue
        return Detection(
            certain=False,
            sentence=f"learning rate × largest curvature is {near[-1]:.3g}, just below the stability limit of "
            f"{bound.value:.3g}: along the steepest direction, each step jumps to the other side of the valley",
            quantity="lr * lambda_max",
            value=near[-1],
            bound=NEAR * bound.value,
            source=SOURCE,
            where=record.site(SiteKind.OPTIMIZER, key),
            optimizer=key,
            evidence=(("loss", key), ("curvature", key)),
        )
    return None
