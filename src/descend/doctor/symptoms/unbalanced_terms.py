"""Unbalanced terms: of what the loss adds up one term hardly moves the weights, or all but one hardly do."""

from descend.doctor.course.own_metric import is_told_by_loss, own_metric
from descend.doctor.course.suffering import may_suffer
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Chen et al. 2018, §1: terms whose gradients differ much in their norms do not train together"
BOUND = Bound(
    10.0,
    "times another term's gradient norm",
    "chosen, as in the probe; of 33 healthy programs of the clinic that add up terms three are beyond it, on purpose",
)


def unbalanced_terms(record: Record) -> Sign | None:
    """Terms of the loss whose gradients differ by an order of magnitude, where something other than it tells good."""
    known = record.every(facts.LossTerm)
    if not known or not may_suffer(record) or (own_metric(record) is None and not is_told_by_loss(record)):
        return None
    terms = sorted(known.values(), key=_pull)
    weak, strong = ([term for term in terms if (term.factor > 1) is is_weak] for is_weak in (True, False))
    if not weak or not strong:
        return None
    least, most = weak[-1], strong[0]
    share = least.pull / most.pull
    return Sign(
        certain=False,
        sentence="the loss adds up terms that pull at the weights unequally: at the first step the gradient of one "
        f"(line {least.line}) is {share:.1g} of the length of another's (line {most.line}), and it is hardly "
        "heard beside that",
        quantity="ratio of the terms' gradient norms",
        value=most.pull / least.pull,
        bound=BOUND,
        source=SOURCE,
        where=record.site("loss_term", next(iter(known))),
    )


def _pull(term: facts.LossTerm) -> float:
    return term.pull
