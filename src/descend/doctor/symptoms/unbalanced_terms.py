"""Unbalanced terms: the gradient of one loss term is so small, or so large, that the terms do not train together.

The gradient of L₁ + c·L₂ is g₁ + c·g₂. If ‖c·g₂‖ is a thousandth of ‖g₁‖, the steps depend on L₁ alone. Then L₂ does
not improve except by chance.
"""

from descend.core.bound import Bound
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, entries_for_places

SOURCE = "Chen et al. 2018, §1: loss terms with very different gradient norms do not train together"
BOUND = Bound(
    10.0,
    "multiple of another term's gradient norm",
    "chosen: three of the 33 working programs in the clinic that have several loss terms exceed it on purpose",
)

PROBLEM = Problem(
    id="unbalanced_terms",
    kind="dynamics",
    title="one term of the loss dominates the others",
    remedies=(
        *entries_for_places(
            "weigh_term",
            (facts.LossTerm, "weigh", phrases.LOSS_TERMS_TRIED),
            "multiply a loss term in line {line} by {factor:g}",
            ("the terms then have similar gradient norms", "Chen et al. 2018, §3"),
            cost=1,
        ),
    ),
    example=CodeExample(
        faulty=(
            "class_loss = F.cross_entropy(scores, targets)\n"
            "box_loss = F.mse_loss(boxes, target_boxes)\n"
            "loss = class_loss + 1e-4 * box_loss"
        ),
        fixed=(
            "class_loss = F.cross_entropy(scores, targets)\n"
            "box_loss = F.mse_loss(boxes, target_boxes)\n"
            "loss = class_loss + box_loss"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report loss terms whose gradient norms differ at least tenfold, if the loss or a metric measures the task."""
    known = record.every(facts.LossTerm)
    if not known or not summary.may_fail() or (summary.metric is None and not summary.is_measured_by_loss):
        return None
    terms = sorted(known.values(), key=lambda term: term.pull)
    weak, strong = ([term for term in terms if (term.factor > 1) is is_weak] for is_weak in (True, False))
    if not weak or not strong:
        return None
    least, most = weak[-1], strong[0]
    share = least.pull / most.pull
    return Detection(
        certain=False,
        sentence="the terms of the loss have very different gradient norms: at the first step, the norm of the term in "
        f"line {least.line} is {share:.1g} times that of the term in line {most.line} (limit: {1 / BOUND:g}), so the "
        "smaller term has almost no effect",
        quantity="ratio of the terms' gradient norms",
        value=most.pull / least.pull,
        bound=BOUND,
        source=SOURCE,
        where=record.site(SiteKind.LOSS_TERM, next(iter(known))),
    )
