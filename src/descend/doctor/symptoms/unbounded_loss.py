"""Unbounded loss: even constant outputs let the loss fall without limit, so it does not measure the task.

A minimum must exist before it can be found. If L(z) → −∞ for some outputs z, for example for −y·z without a normalising
term, the outputs grow without limit. A lower loss then does not mean smaller errors.
"""

from descend.core.change import change_in_words
from descend.doctor.assess.logged_metric import samples_its_own_loss
from descend.doctor.assess.opponents import has_opponents
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry, entries_for_places

SOURCE = (
    "Rockafellar 1970, §8: a function falls without limit along a direction in which its recession function is negative"
)

PROBLEM = Problem(
    id="unbounded_loss",
    kind="dynamics",
    title="the loss has no lower bound",
    remedies=(
        RemedyEntry("turn_loss", only_optimizer, "negate the loss", *phrases.LOSS_IS_BOUNDED, judged_on="metric"),
        *entries_for_places(
            "turn_term",
            (facts.OnLoss, "turn", phrases.LOSS_TERMS_TRIED),
            phrases.FLIP_SIGN,
            phrases.LOSS_IS_BOUNDED,
            cost=1,
        ),
    ),
    example=CodeExample(
        faulty=(
            "squared_error = (targets - mean) ** 2\n"
            "loss = (squared_error * torch.exp(-log_variance) - log_variance).mean()"
        ),
        fixed=(
            "squared_error = (targets - mean) ** 2\n"
            "loss = (squared_error * torch.exp(-log_variance) + log_variance).mean()"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a loss that constant outputs can lower without limit, except for policies and adversarial networks."""
    whole = record.fact(facts.Reachability)
    is_policy = samples_its_own_loss(record) or has_opponents(record)
    if whole is None or not (whole.unbounded and whole.is_compared) or is_policy or not summary.may_fail():
        return None
    losses = record.series("loss", "0").finite()
    return Detection(
        certain=summary.fails(),
        sentence=f"the loss ({change_in_words(losses.first, losses.last)}) has no lower bound: even constant outputs "
        "can lower it indefinitely, so training can lower it without using the data. Some term has the wrong sign, or "
        "a term that bounds the loss is missing",
        quantity="loss",
        value=losses.last,
        bound=whole.constant,
        source=SOURCE,
        where=record.site(SiteKind.LOSS) or record.site(SiteKind.ON_LOSS, "0") or record.site(SiteKind.BACKWARD),
    )
