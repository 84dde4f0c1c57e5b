"""What is said of kept runs without findings: what they were checked for, and how many stay undecided."""

from dataclasses import dataclass, field
from itertools import islice

import pytest
from frozen import kept

from descend.doctor.assess.reservations import reservations
from descend.doctor.catalog.diagnosis import diagnose, general_symptoms
from descend.doctor.record.facts.typed import KINDS
from descend.doctor.record.measured_by import MEASURED_BY, PROVIDED_BY_SCRIPT
from descend.doctor.record.request_log import RequestLog
from descend.doctor.report.measurement_names import NAMES

MOST = 0.1  # of the working programs may stay undecided


@dataclass
class Summary:
    """What the tests below need of all kept runs, which are read once."""

    working: int = 0  # number of the programs without a mistake
    undecided: int = 0  # number of those that stay undecided
    series: set[str] = field(default_factory=set)
    noted: set[str] = field(default_factory=set)  # probes with a note


@pytest.fixture(scope="module")
def summary() -> Summary:
    found = Summary()
    for name, record in kept():
        is_working = name.startswith("clinic/healthy/")
        found.working += is_working
        found.undecided += is_working and bool(reservations(record))
        found.series |= {series for series, _ in record.readings}
        found.noted |= {note.probe for note in record.notes}
    return found


def test_of_the_working_programs_at_most_a_tenth_is_undecided_for_how_it_ends(summary) -> None:
    assert summary.working > 50 and 0 < summary.undecided <= MOST * summary.working


def test_a_log_of_requests_changes_no_finding() -> None:
    for _, record in islice(kept(), 40):
        log = RequestLog.of(record)
        of_log, of_record = ([*diagnose(run), *general_symptoms(run)] for run in (log, record))
        assert list(map(repr, of_log)) == list(map(repr, of_record))  # as texts, because fields may be NaN


def test_what_a_probe_measures_is_a_fact_or_a_series_that_a_kept_run_has(summary) -> None:
    assert (MEASURED_BY.keys() | PROVIDED_BY_SCRIPT.keys()) - KINDS.keys() - summary.series == set()
    assert set(MEASURED_BY.values()) <= NAMES.keys()


def test_what_a_probe_measures_that_could_not_measure_is_known(summary) -> None:
    others = {"tape", "observer", "torch.compile", "evaluated"}  # which do not measure the training loss
    assert summary.noted - others <= set(MEASURED_BY.values())
