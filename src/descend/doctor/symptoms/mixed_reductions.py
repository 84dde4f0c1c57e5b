"""Mixed reductions: one loss term is a sum and another a mean, so the sum dominates."""

from descend.doctor.course.progress import LEFT_TO_LEARN, STUCK, cost_left, loss_left_message
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign
from descend.ground.bound import Bound

SOURCE = "Kingma & Welling 2014, eq. 10: both terms are of one example; torch.nn.MSELoss: a mean over all values"
ALIKE = Bound(
    0.1,
    "of the targets' standard deviation",
    "chosen: outputs that differ by less over the examples say nothing of any",
)


def mixed_reductions(record: Record) -> Sign | None:
    """A summed term beside an averaged loss: some of the cost is left, or all outputs are alike."""
    term = record.fact(facts.MixedReductions)
    if term is None or not cost_left(record) > LEFT_TO_LEARN or not (term.over_batch or _are_outputs_alike(record)):
        return None
    times = outweighs(term)
    if term.over_batch:
        reduced = f"summed over the {times} examples: it grows with the batch and drowns the other"
    elif times < term.values:
        reduced = f"averaged over {term.own} values of each: beside {term.values} it weighs {times} times as much"
    else:
        reduced = f"summed for each example: beside a mean over {times} values it weighs {times} times as much"
    return Ruin(
        certain=False,
        likely=True,
        sentence=f"{term.function} is averaged over the batch and all that it is given, and another term of the "
        f"loss is {reduced}; {loss_left_message(record)}",
        quantity="times that one term outweighs its share",
        value=float(times),
        bound=1.0,
        source=SOURCE,
        where=record.site("summed_term") or record.site("loss"),
    )


def outweighs(term: facts.MixedReductions) -> int:
    """Return how many times its share the other term of the loss has."""
    return term.examples if term.over_batch else term.values // term.own


def _are_outputs_alike(record: Record) -> bool:
    """Whether what the loss is given says nothing of any example: it hardly differs, or costs what a constant does."""
    given, targets = record.fact(facts.LossInput), record.fact(facts.Targets)
    spread, scale = given.spread if given else 0.0, targets.std or 0.0 if targets else 0.0
    return cost_left(record) > STUCK or spread < ALIKE * scale
