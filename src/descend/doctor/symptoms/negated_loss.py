"""Negated loss: training increases the errors, because a sign or `maximize` is wrong.

A step w ← w − lr·∇L lowers the loss L. With −L, or with `maximize=True`, the step is w ← w + lr·∇L. Then L grows by
about lr·‖∇L‖² in each step, until it overflows.
"""

from descend.core.change import change_in_words
from descend.doctor.assess.objective import lacks_upper_bound
from descend.doctor.assess.stages import consecutive_optimizers
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.optimizer_settings import minimise_setting
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Bottou et al. 2018, §4: a step along −∇ lowers the cost, so minimising −cost raises it"

PROBLEM = Problem(
    id="negated_loss",
    kind="wiring",
    title="the loss has the wrong sign",
    consequences=frozenset({"inputs_not_normalised", "output_loss_mismatch"}),
    remedies=(
        RemedyEntry(
            "optimizer_argument",
            minimise_setting,
            "set maximize=False",
            "the optimizer then lowers the loss, and lower losses are better",
            "Bottou et al. 2018, §4",
            cost=1,
        ),
        RemedyEntry(
            "turn_loss",
            only_optimizer,
            "negate the loss",
            "gradient descent then makes the predictions better",
            "Bottou et al. 2018, §4",
        ),
    ),
    example=CodeExample(
        faulty="loss = -F.cross_entropy(model(inputs), targets)",
        fixed="loss = F.cross_entropy(model(inputs), targets)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a loss that falls as the errors grow, or an optimizer that maximises a loss that should be minimised.

    Adversarial optimizers are not reported. Reversed gradients are reported by `wrong_step` instead.
    """
    connections, optimizer = record.fact(facts.Connections), record.fact(facts.Optimizer, "0")
    altered = record.fact(facts.Alterations, "0")
    slope = connections.slope if connections else 0.0
    is_unlimited = not slope and lacks_upper_bound(record)
    maximises = optimizer is not None and bool(optimizer.maximize)
    is_alone = len(record.every(facts.Optimizer)) == 1 or bool(consecutive_optimizers(record))
    is_negated = slope * (-1 if maximises else 1) < 0 or maximises and is_unlimited
    if not is_negated or not is_alone or (altered is not None and altered.is_reversed):
        return None
    losses = record.series("loss", "0")
    went = change_in_words(losses.first, losses.last)
    falls = "falls" if losses.last < losses.first else "went"
    grows = "is bounded below but not above" if is_unlimited else "grows with the errors"
    is_by_hand = optimizer is not None and optimizer.by_hand
    climbs = "script's own update maximises" if is_by_hand else "optimizer maximises (maximize=True)"
    turned = (
        f"the {climbs} a loss that {grows} ({went}): the predictions get worse"
        if maximises
        else f"the loss rewards errors: it {falls} ({went}) as the predictions get worse, because its sign is wrong"
    )
    return FatalDetection(
        certain=True,
        sentence=turned,
        quantity="slope of the loss in the direction of the errors",
        value=slope,
        bound=0.0,
        source=SOURCE,
        where=(record.site(SiteKind.OPTIMIZER, "0") if maximises else record.site(SiteKind.LOSS))
        or record.site(SiteKind.BACKWARD),
    )
