"""What is said of kept runs without findings: what they were checked for, and how many stay undecided."""

from itertools import islice

from frozen import kept

from descend.doctor.assess.reservations import reservations
from descend.doctor.catalog.diagnosis import diagnose, general_symptoms
from descend.doctor.record.facts.typed import KINDS
from descend.doctor.record.measured_by import MEASURED_BY, PROVIDED_BY_SCRIPT
from descend.doctor.record.request_log import RequestLog
from descend.doctor.report.measurement_names import NAMES

MOST = 0.1  # of the working programs may stay undecided


def test_of_the_working_programs_at_most_a_tenth_is_undecided_for_how_it_ends() -> None:
    working = [record for name, record in kept() if name.startswith("clinic/healthy/")]
    undecided = [record for record in working if reservations(record)]
    assert len(working) > 50 and 0 < len(undecided) <= MOST * len(working)


def test_a_log_of_requests_changes_no_finding() -> None:
    for _, record in islice(kept(), 40):
        log = RequestLog.of(record)
        assert [*diagnose(log), *general_symptoms(log)] == [*diagnose(record), *general_symptoms(record)]


def test_what_a_probe_measures_is_a_fact_or_a_series_that_a_kept_run_has() -> None:
    series = {name for _, record in kept() for name, _ in record.readings}
    assert (MEASURED_BY.keys() | PROVIDED_BY_SCRIPT.keys()) - KINDS.keys() - series == set()
    assert set(MEASURED_BY.values()) <= NAMES.keys()


def test_what_a_probe_measures_that_could_not_measure_is_known() -> None:
    others = {"tape", "observer", "torch.compile", "evaluated"}  # which do not measure the training loss
    noted = {note.probe for _, record in kept() for note in record.notes}
    assert noted - others <= set(MEASURED_BY.values())
