"""The checks of a run: which problems were checked, and which were not because a measurement is missing."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from descend.doctor.assess.summary import summarise
from descend.doctor.catalog import CATALOG
from descend.doctor.record import Record
from descend.doctor.record.measured_by import why_missing
from descend.doctor.record.request_log import RequestLog

Outcome = Literal["checked", "not_checked", "not_requested"]


@dataclass(frozen=True)
class Check:
    """Whether a run was checked for one problem, and if not, which measurement was missing."""

    symptom: str  # the problem's id
    outcome: Outcome
    missing: str = ""  # name of the missing measurement; "" if the problem was checked
    reason: str = ""  # reason why this measurement is missing


def list_checks(record: Record, left_out: Collection[str] = ()) -> tuple[Check, ...]:
    """Return, for each problem in the order of the catalog, whether the run was checked for this problem.

    A problem was not checked if it was not found and the last measurement that its check requested is missing.
    """
    return tuple(Check(name, "not_requested") if name in left_out else _check_problem(name, record) for name in CATALOG)


def _check_problem(name: str, record: Record) -> Check:
    """Return whether a run was checked for one problem, and if not, which measurement was missing."""
    log = RequestLog.of(record)
    if (
        CATALOG[name].detect(log, summarise(log)) is None
        and not log.has_last
        and (why := why_missing(record, log.last_request))
    ):
        return Check(name, "not_checked", *why)
    return Check(name, "checked")
