"""The measurements of runs: their types, and a store that saves and loads them."""

from descend.doctor.record import facts
from descend.doctor.record.messages import (
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
from descend.doctor.record.site_kinds import SiteKey, SiteKind

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
    "SiteKey",
    "SiteKind",
    "facts",
    "is_installed",
]
