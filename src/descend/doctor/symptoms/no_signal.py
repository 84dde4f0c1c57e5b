"""No signal: the targets do not depend on the inputs, so the network can only learn noise.

If the targets are independent of the inputs, the best prediction is constant: the mean of y for squared error, the
class frequencies for cross-entropy. A network can still memorise its training data. On new data, its expected loss is
never below that of the constant prediction.
"""

# That the independence test finds no dependence proves nothing by itself. To report the problem, the test must find
# artificial dependences of a known size, and the training must not have found a dependence.

from descend.core.bound import Bound, Count
from descend.doctor.assess.evaluation_metric import STUCK
from descend.doctor.assess.summary import STANDARD_ERRORS, RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.symptoms.places import data_site
from descend.doctor.symptoms.problem import CodeExample, Problem

SOURCE = "Zhang et al. 2017: networks also fit random labels; Gretton et al. 2005: a test of independence"
POWER = Bound(
    0.8,
    "share of the artificial dependences that the independence test finds",
    "the conventional power of a test: Cohen 1988",
)
EXAMPLES = Count(100, "examples", "chosen: with fewer examples, an independence test is too weak to be useful")

PROBLEM = Problem(
    id="no_signal",
    kind="statics",
    title="the inputs carry no information about the targets",
    consequences=frozenset({"clipping_too_hard", "inputs_not_normalised", "schedule"}),
    advice="No change to training can help. Look for inputs that carry information about the targets, or for the line "
    "that pairs inputs with the wrong targets.",
    example=CodeExample(
        faulty=(
            'columns = ["customer_id", "order_id"]  # no information about the price\n'
            "inputs = torch.tensor([[row[name] for name in columns] for row in rows])"
        ),
        fixed='columns = ["area", "age"]\ninputs = torch.tensor([[row[name] for name in columns] for row in rows])',
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report targets that seem independent of the inputs, if training does no better than a constant prediction."""
    signal, constant = record.fact(facts.Signal), summary.constant_cost
    if signal is None or not signal.p_value > signal.chance or signal.examples < EXAMPLES:
        return None
    if signal.power is None or not signal.power >= POWER or _predicts_unseen_examples(record):
        return None
    evaluation = record.held_out()
    unseen = evaluation.min / constant if len(evaluation) and constant else float("nan")
    if not (unseen > STUCK or (unseen != unseen and summary.cost_left > STUCK)):
        return None
    return FatalDetection(
        certain=record.fact(facts.OutputTargetCovariance) is not None,
        sentence=f"{signal.p_value:.0%} of {signal.shuffles} shuffled copies of the targets depend on the inputs as "
        f"much as the real targets (limit: {signal.chance:.0%}; {signal.examples} examples). The test finds "
        f"{signal.power:.0%} of artificial dependences that explain {signal.size:.0%} of the loss, and training found "
        "no dependence either. If the inputs carry no information about the targets, only other data can help",
        quantity="p-value of independence",
        value=signal.p_value,
        bound=signal.chance,
        source=SOURCE,
        where=data_site(record) if signal.met == "loader" else record.site(SiteKind.LOSS) or data_site(record),
        evidence=(("loss", "0"), ("evaluation_loss", record.held_out_place())),
    )


def _predicts_unseen_examples(record: Record) -> bool:
    """Return whether the outputs predict the targets of unseen examples better than chance."""
    answers = record.fact(facts.OutputTargetCovariance)
    return answers is not None and not answers.again and answers.standard_errors > STANDARD_ERRORS
