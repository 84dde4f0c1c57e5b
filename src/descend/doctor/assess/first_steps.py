"""Facts about the first steps of each optimizer."""

from collections.abc import Sequence

from descend.doctor.record import Record, facts


def first_steps_without_gradients(record: Record, key: str) -> Sequence[facts.Wiring]:
    """Return the facts recorded at an optimizer's first steps if no parameter had a gradient in them; otherwise []."""
    seen = [wiring.fact for wiring in record.history(facts.Wiring, key) if wiring.fact.held is not None]
    return [] if any(wiring.with_gradient for wiring in seen) else seen
