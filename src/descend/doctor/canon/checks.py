"""Which problems a run was checked for, and which could not be checked because a measurement is missing."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from descend.doctor.canon import CANON
from descend.doctor.record import Record
from descend.doctor.record.measured_by import why_missing
from descend.doctor.record.requests import RequestLog

Outcome = Literal["checked", "not_checked", "not_requested"]


@dataclass(frozen=True)
class Check:
    """Whether a run was checked for one problem."""

    symptom: str  # the problem's id
    outcome: Outcome
    missing: str = ""  # the measurement without which it could not be checked: a probe's, or one of the script's own
    reason: str = ""  # why that is missing


def checks(record: Record, left_out: Collection[str] = ()) -> tuple[Check, ...]:
    """Return for each problem of the list, in its order, whether a run was checked for it.

    A check could not be made if it found nothing, and the last measurement that it requested could not be taken.
    """
    return tuple(Check(name, "not_requested") if name in left_out else _check(name, record) for name in CANON)


def _check(name: str, record: Record) -> Check:
    log = RequestLog.of(record)
    if CANON[name].look(log) is None and not log.has_last and (why := why_missing(record, log.last_request)):
        return Check(name, "not_checked", *why)
    return Check(name, "checked")
