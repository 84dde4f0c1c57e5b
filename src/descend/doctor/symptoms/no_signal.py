"""No signal: the targets do not depend on the inputs, so the network can only learn noise."""

# Not to see a dependence is no proof that there is none: the test must be one that finds such dependences where there
# are any, and the training, which looks for one in its own way, must not have found any either.

from descend.doctor.course.progress import STANDARD_ERRORS, STUCK, constant_cost, cost_left
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.places import data_site
from descend.doctor.symptoms.sign import Ruin, Sign
from descend.ground.bound import Bound, Count

SOURCE = "Zhang et al. 2017: networks fit random labels too; Gretton et al. 2005: a test of independence"
POWER = Bound(0.8, "of planted dependences that the test finds", "a convention: Cohen 1988")
EXAMPLES = Count(100, "examples", "chosen: of fewer such a test says little")


def no_signal(record: Record) -> Sign | None:
    """Targets that look independent of the inputs, in a run that is no better than a constant on unseen examples."""
    signal, constant = record.fact(facts.Signal), constant_cost(record)
    if signal is None or not signal.p_value > signal.chance or signal.examples < EXAMPLES:
        return None
    if signal.power is None or not signal.power >= POWER or _has_learnt(record):
        return None
    evaluation = record.held_out()
    unseen = evaluation.min / constant if len(evaluation) and constant else float("nan")
    if not (unseen > STUCK or (unseen != unseen and cost_left(record) > STUCK)):
        return None
    return Ruin(
        certain=record.fact(facts.Answers) is not None,
        sentence=f"{signal.p_value:.0%} of {signal.shuffles} shuffled copies of the targets look as dependent on the "
        f"inputs as the real ones (bound {signal.chance:.0%}, {signal.examples} examples), by a test that finds "
        f"{signal.power:.0%} of dependences worth {signal.size:.0%} of the cost; the training has found none either. "
        "If the inputs carry no information about the targets, only a change to the data can help",
        quantity="p-value of independence",
        value=signal.p_value,
        bound=signal.chance,
        source=SOURCE,
        where=data_site(record) if signal.met == "loader" else record.site("loss") or data_site(record),
        evidence=(("loss", "0"), ("evaluation_loss", record.held_out_place())),
    )


def _has_learnt(record: Record) -> bool:
    """Whether the outputs answer to the targets of examples that the training had not seen: that is a dependence."""
    answers = record.fact(facts.Answers)
    return answers is not None and not answers.again and answers.standard_errors > STANDARD_ERRORS
