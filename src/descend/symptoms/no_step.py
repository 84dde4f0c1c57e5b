"""No step: the gradients are computed and nobody uses them."""

from descend.record import Record
from descend.symptoms.symptom import ECHOES, Symptom

SOURCE = "torch.optim: backward() fills .grad, only optimizer.step() moves the parameters"
PASSES = 3  # backward passes without a step; accumulation on purpose takes one in the end


def no_step(record: Record) -> Symptom | None:
    """Backward passes in a run with an optimizer that never stepped."""
    passes = int((record.fact("passes") or {}).get("backward", 0))
    ended = record.ending is not None and record.ending.reason in ("finished", "window")
    if not ended or record.steps or passes < PASSES or not record.places("optimizer"):
        return None
    return Symptom(
        id="no_step",
        kind="wiring",
        certain=True,
        confidence=0.98,
        sentence=f"{passes} backward passes and not one optimizer step: the parameters stay as they were initialised",
        quantity="optimizer steps",
        value=0.0,
        bound=1.0,
        source=SOURCE,
        where=record.site("backward"),
        evidence=(("loss", "0"),),
        explains=ECHOES
        | {"frozen_or_detached", "no_zero_grad", "schedule", "inputs_not_normalised", "targets_not_scaled"},
    )
