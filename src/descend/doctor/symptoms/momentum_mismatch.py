"""Momentum and learning rate do not match: a high momentum μ makes the steps 1/(1−μ) times as long.

With momentum, v ← μ·v + g and w ← w − lr·v. For a constant gradient g, v tends to g/(1 − μ): the steps are 10 times as
long for μ = 0.9, and 100 times for μ = 0.99. So lr/(1 − μ) is the effective learning rate. Momentum also needs about
1/(1 − μ) steps to change its direction.
"""

from descend.core.bound import Bound
from descend.doctor.assess.stability import learning_rate_times_curvature, momentum_of
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.learning_rates import rate_for_usual_momentum
from descend.doctor.remedy_arguments.optimizer_settings import lower_momentum
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Ba, CSC413 lecture 4, Momentum: the terminal velocity is α/(1−μ)"
HIGH = Bound(
    0.95,
    "momentum",
    "chosen: the usual momentum of 0.9 makes a step ten times as long, and 0.95 makes it twenty times as long",
)
FIXED_LENGTH = ("Muon",)  # optimizers whose momentum changes only the direction of a step
LONG = Bound(2.0, "α·λmax/(1−μ)", "stability limit of gradient descent without momentum")

PROBLEM = Problem(
    id="momentum_mismatch",
    kind="dynamics",
    title="momentum and learning rate do not match",
    consequences=frozenset({"instability", "dead_units", "oscillation", "slow_progress", "fluctuations"}),
    remedies=(
        RemedyEntry(
            "learning_rate",
            rate_for_usual_momentum,
            phrases.NEW_LEARNING_RATE,
            "the terminal velocity α/(1−μ) is then the same as with μ = 0.9",
            "Ba, CSC413 lecture 4, Momentum",
            cost=1,
        ),
        RemedyEntry(
            "optimizer_argument",
            lower_momentum,
            "momentum {old:g} → {value:g}",
            "the terminal velocity α/(1−μ) is then lower",
            "Ba, CSC413 lecture 4, Momentum",
            cost=1,
        ),
    ),
    example=CodeExample(
        faulty="optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.99)",
        fixed="optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.99)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a momentum of at least 0.95 that makes the steps too long for the curvature, in a run that fails."""
    for key, optimizer in record.every(facts.Optimizer).items():
        momentum = momentum_of(optimizer)
        if not HIGH <= momentum < 1 or optimizer.dampening or optimizer.rule in FIXED_LENGTH:
            continue
        lengths = learning_rate_times_curvature(record, key, "curvature").finite().values
        terminal = max(lengths, default=0.0) / (1 - momentum)
        suffers = summary.first_rise(key) is not None or summary.rebounds or summary.is_stuck(key, LITTLE_LEARNED)
        if not terminal > LONG or not suffers:
            continue
        return Detection(
            certain=False,
            likely=True,
            sentence=f"momentum {momentum:g} lengthens the steps {1 / (1 - momentum):.0f} times: α·λmax/(1−μ) is "
            f"{terminal:.3g} (limit: {LONG:g}), so the steps overshoot; a higher momentum needs a lower learning rate",
            quantity="lr * lambda_max / (1 - momentum)",
            value=terminal,
            bound=LONG,
            source=SOURCE,
            where=record.site(SiteKind.OPTIMIZER, key),
            optimizer=key,
            evidence=(("loss", key), ("curvature", key)),
        )
    return None
