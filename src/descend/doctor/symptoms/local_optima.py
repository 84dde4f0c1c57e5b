"""Local optima: a small network is stuck in a poor minimum, and another initialisation does better.

Gradient descent ends in the minimum to which its initial weights lead. With few hidden units, some minima have a high
loss, for example if two units compute the same function. In wide networks, such minima are rare (Choromanska et al.
2015). So another seed, or a few more units, can decide the result.
"""

from descend.core.bound import Bound, Count
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.training_loop import restart_seed
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Ba, CSC413 lecture 4, Recap: local optima are hard to diagnose, and random restarts are the remedy"
SMALL = Count(500, "parameters", "chosen: wide networks do not get stuck in poor minima (Choromanska et al. 2015)")
ASTRAY = Bound(
    1.05,
    "multiple of the cost of the best constant prediction",
    "chosen: a run with a higher loss has diverged and is not in a minimum",
)
FLAT = Bound(
    0.02,
    "relative fall of the cost over the last half of the run",
    "chosen: a loss that falls by less than this has stopped falling",
)

PROBLEM = Problem(
    id="local_optima",
    kind="dynamics",
    title="the result depends on the initialisation",
    remedies=(
        *(
            RemedyEntry(
                "another_start",
                restart_seed(draw),
                "initialise with another seed (attempt {draw})",
                "another initialisation may lead to a better minimum",
                "Ba, CSC413 lecture 4, Recap: local optima",
                restart=True,
            )
            for draw in range(1, phrases.INITIALISATIONS_TRIED + 1)
        ),
    ),
    example=CodeExample(
        faulty=(
            "def fit(seed):\n"
            "    torch.manual_seed(seed)\n"
            "    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))\n"
            "    return train(model)\n"
            "\n"
            "model = fit(seed=0)"
        ),
        fixed=(
            "def fit(seed):\n"
            "    torch.manual_seed(seed)\n"
            "    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))\n"
            "    return train(model)\n"
            "\n"
            "model = min(map(fit, range(10)), key=training_loss)"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a tiny network whose loss has stopped falling early; a trial with new initial weights must confirm it."""
    optimizer = record.fact(facts.Optimizer, "0")
    size = optimizer.parameters if optimizer else 0
    if (
        not record.every(facts.Activation)
        or not 0 < size <= SMALL
        or not LITTLE_LEARNED < summary.cost_left < ASTRAY
        or summary.relative_fall() > FLAT
    ):
        return None
    return Detection(
        certain=False,
        sentence=f"the loss has stopped falling at {summary.cost_left:.0%} of a constant prediction's loss (limit: "
        f"{LITTLE_LEARNED:.0%}): a network of only {size} parameters may reach a better minimum from "
        "another initialisation",
        quantity="cost / constant prediction's",
        value=summary.cost_left,
        bound=LITTLE_LEARNED,
        source=SOURCE,
        where=record.site(SiteKind.MODEL) or record.site(SiteKind.OPTIMIZER, "0"),
    )
