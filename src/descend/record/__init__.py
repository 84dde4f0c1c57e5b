"""Measurements only: kept, and read back."""

from descend.record.reading import Cost, Effect, Ending, Fact, Message, Note, Reading, Site
from descend.record.record import Record, Series

__all__ = ["Cost", "Effect", "Ending", "Fact", "Message", "Note", "Reading", "Record", "Series", "Site"]
