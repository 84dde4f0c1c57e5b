"""What the yardstick of a run is, and from where on a cost has learnt nothing."""

from descend.record import Record

STUCK = 0.9  # a cost above this share of the best constant prediction's has learnt nothing


def yardstick_place(record: Record) -> str:
    """Return what the yardstick of this run is; "" when there is none."""
    places = record.places("yardstick")
    return places[0] if places else ""
