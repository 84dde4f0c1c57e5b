"""No step: the script computes no gradients, never uses them, or clears them before the step."""

from descend.doctor.course.first_steps import without_gradients
from descend.doctor.record import Record, Site, facts
from descend.doctor.symptoms.sign import EARLY, Ruin, Sign, optimizer_name

SOURCE = "torch.optim: backward() fills .grad, only optimizer.step() moves the parameters"


def no_step(record: Record) -> Sign | None:
    """Passes without a step, steps that found no gradients any more, or steps for which no pass was made."""
    return _never_called(record) or _wiped(record) or _never_computed(record)


def _never_called(record: Record) -> Sign | None:
    passes = record.fact(facts.Passes)
    ended = record.ending is not None and record.ending.reason in ("finished", "window")
    if not ended or record.steps or passes is None or passes.backward < EARLY or not record.every(facts.Optimizer):
        return None
    sentence = (
        f"{passes.backward} backward passes and not one optimizer step: the parameters stay as they were initialised"
    )
    return _symptom(sentence, "optimizer steps", 1.0, record.site("backward"))


def _wiped(record: Record) -> Sign | None:
    for key in record.every(facts.Wiring):
        steps = [wiring.fact for wiring in record.history(facts.Wiring, key)]
        seen = [step.gradients_wiped for step in steps if step.is_fed]  # one before any pass says nothing of them
        if len(seen) >= EARLY and all(seen):
            sentence = (
                f"in each of {len(seen)} first steps what backward() had left was cleared before step(): there is "
                "no gradient to step along, and the parameters stay as they were initialised"
            )
            return _symptom(sentence, "steps with gradients", float(EARLY), record.site("step", key), key)
    return None


def _never_computed(record: Record) -> Sign | None:
    for key in record.every(facts.Wiring):
        seen = without_gradients(record, key)
        if len(seen) < EARLY or any(wiring.is_fed for wiring in seen):
            continue
        idle = record.fact(facts.IdleLoss, key)
        sentence = (
            f"no backward pass is made for any of the first {len(seen)} steps of {optimizer_name(record, key)}: "
            + (f"`{idle.variable}` is computed, and its gradient never, so that " if idle else "")
            + f"none of its {seen[-1].held} parameters ever moves"
        )
        where = record.site("idle_loss", key) or record.site("step", key)
        return _symptom(sentence, "backward passes", 1.0, where, key)
    return None


def _symptom(sentence: str, quantity: str, bound: float, where: Site | None, key: str = "0") -> Sign:
    return Ruin(
        certain=True,
        sentence=sentence,
        quantity=quantity,
        value=0.0,
        bound=bound,
        source=SOURCE,
        where=where,
        optimizer=key,
        evidence=(("loss", key),),
    )
