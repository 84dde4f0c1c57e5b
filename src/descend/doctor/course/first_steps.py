"""What was seen of each optimizer's first steps."""

from collections.abc import Sequence

from descend.doctor.record import Record, facts


def without_gradients(record: Record, key: str) -> Sequence[facts.Wiring]:
    """Return what was seen in an optimizer's first steps, if none of its parameters had a gradient in any of them."""
    seen = [wiring.fact for wiring in record.history(facts.Wiring, key) if wiring.fact.held is not None]
    return [] if any(wiring.with_gradient for wiring in seen) else seen
