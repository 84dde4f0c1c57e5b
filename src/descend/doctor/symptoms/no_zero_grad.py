"""Gradients never cleared: every step uses the sum of all gradients so far."""

from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import EARLY, Ruin, Sign

SOURCE = "torch.Tensor.backward accumulates into .grad; the training loop must clear it"


def no_zero_grad(record: Record) -> Sign | None:
    """Report an optimizer whose gradients were not zero before any backward pass after the first step."""
    for key in record.every(facts.Wiring):
        seen = [wiring.fact for wiring in record.history(facts.Wiring, key) if wiring.step > 0]
        later = [wiring for wiring in seen if wiring.with_gradient != 0]  # where none arrives there is none to clear
        uncleared = [wiring for wiring in later if not wiring.gradients_cleared]
        if len(later) < EARLY or len(uncleared) < len(later):
            continue
        return Ruin(
            True,
            f"in each of the first {len(later)} steps, new gradients were added to those of all earlier steps, so the "
            "update follows a sum of outdated directions",
            "steps with cleared gradients",
            0.0,
            float(EARLY),
            SOURCE,
            record.site("backward") or record.site("step", key),
            optimizer=key,
            evidence=(("loss", key), ("gradient_norm", "")),
        )
    return None
