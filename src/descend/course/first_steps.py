"""What was seen of each optimizer's first steps."""

from collections.abc import Mapping, Sequence
from typing import Any

from descend.record import Record


def without_gradients(record: Record, key: str) -> Sequence[Mapping[str, Any]]:
    """Return what was seen in an optimizer's first steps, if none of its parameters had a gradient in any of them."""
    seen = [fact.detail for fact in record.history("wiring", key) if "held" in fact.detail]
    return [] if any(detail["with_gradient"] for detail in seen) else seen
