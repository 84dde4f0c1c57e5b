"""Infinite gradient: a root or a logarithm of a value that may be zero makes the loss NaN.

The derivative of √x is 1/(2√x), and that of log x is 1/x: both are infinite at x = 0. In the chain rule, infinity times
0 is NaN, even in a branch that `torch.where` does not select. The NaN reaches every parameter in one step. With √(x +
ε), or with x clamped to at least ε, the derivative stays finite.
"""

from descend.doctor.assess.noise import RISEN, running_median
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.losses import small_eps
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "d√x/dx = 1/(2√x) and d log x/dx = 1/x are infinite at 0; 0 · ∞ is NaN (IEEE 754)"

PROBLEM = Problem(
    id="infinite_gradient",
    kind="wiring",
    title="a gradient is infinite",
    remedies=(
        RemedyEntry(
            "away_from_zero",
            small_eps,
            "add {eps:.0e} to the argument of each root and logarithm",
            "the derivative is then finite for every example",
            "IEEE 754: 0 · ∞ is NaN",
        ),
    ),
    example=CodeExample(
        faulty="distances = ((outputs - images) ** 2).sum(dim=1).sqrt()",
        fixed="distances = (((outputs - images) ** 2).sum(dim=1) + 1e-12).sqrt()",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a loss that becomes NaN without rising first, if it calls a function with an infinite derivative at 0."""
    places, losses = list(record.every(facts.Singular)), record.series("loss", "0")
    before = losses.finite()
    if not places or not len(before) or len(before) == len(losses):
        return None
    if running_median(before).last > before.first + (RISEN - 1) * abs(before.first):
        return None
    step = losses.steps[len(before)]
    # The first value of each call is used, since later ones may be NaN.
    calls = [record.history(facts.Singular, place)[0].fact for place in places]
    least = min(range(len(places)), key=lambda i: calls[i].least)
    call, where = calls[least], record.site(SiteKind.SINGULAR, places[least])
    return FatalDetection(
        certain=False,
        likely=True,
        sentence=f"the loss became NaN or infinite at step {step} without rising first: {call.function} has an "
        "infinite derivative at 0, so a single value of 0 makes every weight NaN (smallest value in the fixed "
        f"examples: {call.least:.2g})",
        quantity="first step with a loss that is NaN or infinite",
        value=float(step),
        bound=float(record.steps),
        source=SOURCE,
        where=where,
    )
