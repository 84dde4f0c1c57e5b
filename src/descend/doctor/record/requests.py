"""A record that remembers which measurement was requested last, and whether it has it."""

from dataclasses import dataclass, fields
from typing import TypeVar

from descend.doctor.record.facts.named import name_of
from descend.doctor.record.record import Observed, Record, Series

F = TypeVar("F")


@dataclass
class RequestLog(Record):
    """The same measurements as another record.

    A check that returns nothing right after a request that found nothing has ended for want of that measurement.
    """

    last_request: str = ""  # a series' or a fact's name

    @classmethod
    def of(cls, record: Record) -> "RequestLog":
        """Return a log of requests to a record, which is not changed."""
        return cls(**{field.name: getattr(record, field.name) for field in fields(Record)})

    @property
    def has_last(self) -> bool:
        """Whether the measurement requested last was taken anywhere in the run."""
        return any(name == self.last_request for name, _ in (*self.readings, *self.facts))

    def series(self, name: str, place: str = "") -> Series:
        """Return one quantity over time, and remember the request."""
        self.last_request = name
        return super().series(name, place)

    def places(self, name: str) -> list[str]:
        """Return the places of a series, and remember the request."""
        self.last_request = name
        return super().places(name)

    def fact(self, kind: type[F], place: str = "") -> F | None:
        """Return the latest fact of a type at a place, and remember the request."""
        self.last_request = name_of(kind)
        return super().fact(kind, place)

    def every(self, kind: type[F]) -> dict[str, F]:
        """Return the latest fact of a type for each place, and remember the request."""
        self.last_request = name_of(kind)
        return super().every(kind)

    def history(self, kind: type[F], place: str = "") -> list[Observed[F]]:
        """Return every fact of a type at a place, and remember the request."""
        self.last_request = name_of(kind)
        return super().history(kind, place)
