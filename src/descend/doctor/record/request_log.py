"""A record that remembers which measurements were requested."""

from dataclasses import dataclass, field, fields
from typing import TypeVar

from descend.doctor.record.facts.named import name_of
from descend.doctor.record.record import Observed, Record, Series

F = TypeVar("F")


@dataclass
class RequestLog(Record):
    """A record of a run that also holds the names of the measurements that were read from it.

    If a check reports nothing and its last request found nothing, the check lacked that measurement.
    """

    last_request: str = ""  # name of the quantity or observation that was read last
    requests: set[str] = field(default_factory=set)  # names of all quantities and observations that were read

    @classmethod
    def of(cls, record: Record) -> "RequestLog":
        """Return a copy of `record`, which is not changed, as a `RequestLog`."""
        return cls(**{each.name: getattr(record, each.name) for each in fields(Record)})

    @property
    def has_last(self) -> bool:
        """Whether the record contains the measurement that was requested last, at any place."""
        return any(name == self.last_request for name, _ in (*self.readings, *self.facts))

    def _log_request(self, name: str) -> None:
        """Remember that a measurement was read."""
        self.last_request = name
        self.requests.add(name)

    def series(self, name: str, place: str = "") -> Series:
        """Return all values of the quantity `name` in the run, and log the request."""
        self._log_request(name)
        return super().series(name, place)

    def places(self, name: str) -> list[str]:
        """Return the places at which the quantity `name` was measured, and log the request."""
        self._log_request(name)
        return super().places(name)

    def fact(self, kind: type[F], place: str = "") -> F | None:
        """Return the latest observation of type `kind` at a place, and log the request."""
        self._log_request(name_of(kind))
        return super().fact(kind, place)

    def every(self, kind: type[F]) -> dict[str, F]:
        """Return the latest observation of type `kind` for each place, and log the request."""
        self._log_request(name_of(kind))
        return super().every(kind)

    def history(self, kind: type[F], place: str = "") -> list[Observed[F]]:
        """Return all observations of type `kind` at a place, and log the request."""
        self._log_request(name_of(kind))
        return super().history(kind, place)
