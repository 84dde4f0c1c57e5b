"""Negated loss: training makes the predictions worse on purpose."""

from descend.record import Record
from descend.symptoms.symptom import ECHOES, Symptom

SOURCE = "Bottou et al. 2018, §4: a step along −∇ lowers the cost; the gradient of −cost raises it"


def negated_loss(record: Record) -> Symptom | None:
    """The loss falls where its own loss call grows; not where two optimizers play against each other."""
    facts, optimizer = record.fact("connections") or {}, record.fact("optimizer", "0") or {}
    if not facts.get("slope", 1.0) < 0 or optimizer.get("maximize") or len(record.places("optimizer")) != 1:
        return None
    losses = record.series("loss", "0")
    return Symptom(
        id="negated_loss",
        kind="wiring",
        certain=True,
        confidence=0.96,
        sentence=f"the loss rewards errors: it falls ({losses.first:.3g} → {losses.last:.3g}) as the predictions "
        "get worse, "
        "because its sign is turned",
        quantity="slope of the loss along its own error",
        value=float(facts["slope"]),
        bound=0.0,
        source=SOURCE,
        where=record.site("loss") or record.site("backward"),
        evidence=(("loss", "0"),),
        explains=ECHOES | {"inputs_not_normalised", "output_loss_mismatch"},
    )
