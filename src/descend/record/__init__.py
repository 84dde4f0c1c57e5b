"""Measurements only: kept, and read back."""

from descend.record.reading import (
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
from descend.record.record import Record, Series

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
    "Reading",
    "Record",
    "Series",
    "Site",
    "is_installed",
]
