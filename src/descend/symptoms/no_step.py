"""No step: the gradients are computed and nobody uses them, or they are cleared before the step."""

from descend.record import Record, Site
from descend.symptoms.symptom import EARLY, ECHOES, Symptom

SOURCE = "torch.optim: backward() fills .grad, only optimizer.step() moves the parameters"


def no_step(record: Record) -> Symptom | None:
    """Backward passes in a run with an optimizer that never stepped, or whose steps found no gradients any more."""
    return _never_called(record) or _wiped(record)


def _never_called(record: Record) -> Symptom | None:
    passes = int((record.fact("passes") or {}).get("backward", 0))
    ended = record.ending is not None and record.ending.reason in ("finished", "window")
    if not ended or record.steps or passes < EARLY or not record.places("optimizer"):
        return None
    sentence = f"{passes} backward passes and not one optimizer step: the parameters stay as they were initialised"
    return _symptom(sentence, "optimizer steps", 1.0, record.site("backward"))


def _wiped(record: Record) -> Symptom | None:
    for key in record.places("wiring"):
        seen = [fact.detail.get("gradients_wiped") for fact in record.history("wiring", key)]
        if len(seen) >= EARLY and all(seen):
            sentence = (
                f"in each of the first {len(seen)} steps the gradients were cleared between backward() and step(): the "
                "step finds none, and the parameters stay as they were initialised"
            )
            return _symptom(sentence, "steps with gradients", float(EARLY), record.site("step", key), key)
    return None


def _symptom(sentence: str, quantity: str, bound: float, where: Site | None, key: str = "0") -> Symptom:
    return Symptom(
        id="no_step",
        kind="wiring",
        certain=True,
        sentence=sentence,
        quantity=quantity,
        value=0.0,
        bound=bound,
        source=SOURCE,
        where=where,
        optimizer=key,
        evidence=(("loss", key),),
        explains=ECHOES
        | {"frozen_or_detached", "no_zero_grad", "schedule", "inputs_not_normalised", "targets_not_scaled"},
    )
