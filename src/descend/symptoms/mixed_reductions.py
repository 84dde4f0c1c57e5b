"""Mixed reductions: one term of the loss is a sum over the batch and another a mean, so that one drowns the other."""

from descend.record import Record
from descend.symptoms.progress import FAIR, left, left_in_words
from descend.symptoms.symptom import ECHOES, Symptom

SOURCE = "Kingma & Welling 2014, eq. 10: both terms of the bound are of one example; torch: reduction='mean' divides"


def mixed_reductions(record: Record) -> Symptom | None:
    """A summed term that grows with the batch beside an averaged loss that does not, and some of the cost is left."""
    fact = record.fact("mixed_reductions")
    if fact is None or not left(record) > FAIR:
        return None
    return Symptom(
        id="mixed_reductions",
        kind="statics",
        certain=False,
        confidence=0.85,
        sentence=f"{fact['function']} is averaged over the batch and all that it is given, and another term of the "
        f"loss is summed over the {fact['examples']} examples: it grows with the batch and drowns the other; "
        f"{left_in_words(record)} is left",
        quantity="examples that one term is summed over",
        value=float(fact["examples"]),
        bound=1.0,
        source=SOURCE,
        where=record.site("summed_term") or record.site("loss"),
        evidence=(("loss", "0"),),
        explains=ECHOES | {"over_regularised", "sum_reduction"},
    )
