"""Unreachable loss: what stands between the network's output and the loss keeps it up, whatever the network says."""

from descend.record import Record
from descend.symptoms.opponents import has_opponents
from descend.symptoms.suffering import may_suffer, suffers
from descend.symptoms.symptom import Symptom

SOURCE = "Goodfellow et al. 2016, §6.2.2: the output layer and the loss are chosen together"
BARRED = 0.5  # the probe's bound: most of what a constant leaves


def unreachable_loss(record: Record) -> Symptom | None:
    """With any output at all the loss stays above half of what a constant leaves: one call keeps it there."""
    fact = record.fact("crossing", "0") or {}
    if not fact.get("in_head") or has_opponents(record) or not may_suffer(record):
        return None
    return Symptom(
        id="unreachable_loss",
        kind="dynamics",
        certain=suffers(record),
        confidence=0.9 if suffers(record) else 0.6,
        sentence=f"whatever the network says, the loss of the fixed examples does not fall below {fact['before']:.3g} "
        f"(one answer for all of them: {fact['constant']:.3g}); it could come down to {fact['behind']:.3g} behind "
        f"{fact['function']}, which stands between the output and the loss and does not let it",
        quantity="share of a constant's cost that no output undoes",
        value=share_kept(fact),
        bound=BARRED,
        source=SOURCE,
        where=record.site("crossing", "0") or record.site("loss"),
        evidence=(("loss", "0"),),
    )


def share_kept(crossing: dict) -> float:
    """Return the share of what a constant leaves to be learnt that a call keeps up."""
    return float((crossing["before"] - crossing["behind"]) / (crossing["constant"] - crossing["behind"]))
