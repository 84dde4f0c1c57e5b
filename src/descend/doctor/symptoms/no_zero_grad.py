"""No zero_grad: each step uses the sum of all gradients so far."""

from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import EARLY, Ruin, Sign

SOURCE = "torch.Tensor.backward: it adds to .grad, and clearing that is the loop's own task"


def no_zero_grad(record: Record) -> Sign | None:
    """No backward pass that fed any of the steps after the first began with clear gradients."""
    for key in record.every(facts.Wiring):
        seen = [wiring.fact for wiring in record.history(facts.Wiring, key) if wiring.step > 0]
        later = [wiring for wiring in seen if wiring.with_gradient != 0]  # where none arrives there is none to clear
        uncleared = [wiring for wiring in later if not wiring.gradients_cleared]
        if len(later) < EARLY or len(uncleared) < len(later):
            continue
        return Ruin(
            True,
            f"the gradients are never cleared: in each of the first {len(later)} steps they were added to those of all "
            "steps before, so the step follows a sum of old directions",
            "steps with cleared gradients",
            0.0,
            float(EARLY),
            SOURCE,
            record.site("backward") or record.site("step", key),
            optimizer=key,
            evidence=(("loss", key), ("gradient_norm", "")),
        )
    return None
