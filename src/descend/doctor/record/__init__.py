"""Measurements only: kept, and read back."""

from descend.doctor.record import facts
from descend.doctor.record.reading import (
    IN_SCRIPT,
    LIBRARIES,
    Cost,
    Effect,
    Ending,
    Fact,
    Listener,
    Message,
    Note,
    Reading,
    Site,
    is_installed,
)
from descend.doctor.record.record import Observed, Record, Series

__all__ = [
    "IN_SCRIPT",
    "LIBRARIES",
    "Cost",
    "Effect",
    "Ending",
    "Fact",
    "Listener",
    "Message",
    "Note",
    "Observed",
    "Reading",
    "Record",
    "Series",
    "Site",
    "facts",
    "is_installed",
]
