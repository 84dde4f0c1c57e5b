"""`descend diagnose` shows what the consultation has reported."""

from dataclasses import replace

import pytest
from cases import FINDINGS, altered, inputs_not_normalised, record_of
from endings import healthy

from descend.core.errors import UsageError
from descend.doctor.archive import load_case, save_case
from descend.doctor.case import Case
from descend.doctor.commands.watch.reporter import Reporter
from descend.doctor.record import Ending, Fact, facts
from descend.doctor.record.recording import store_record
from descend.doctor.record.store import open_store
from descend.doctor.report.formats import render

NAN_INPUTS = Fact.of(facts.BadData("inputs", 3, 3, examples=2, of=32), 7)  # The problem bad_data is detected.


@pytest.fixture
def shown(descend_here, tmp_path):
    """Store a case, and return the finished `descend diagnose --format json`."""

    def show(case: Case):
        with open_store(tmp_path / ".descend") as store:
            store_record(store, case.record)
            save_case(store, case)
        return descend_here("diagnose", "--format", "json")

    return show


@pytest.mark.parametrize("make", [*FINDINGS.values(), healthy], ids=[*FINDINGS, "healthy"])
def test_the_report_is_that_of_the_consultation(shown, tmp_path, make):
    assert shown(case := make(tmp_path)).stdout == render(case, "json", ".descend")


def test_a_problem_that_the_user_has_ignored_is_not_reported(shown, tmp_path):
    case = replace(healthy(tmp_path), left_out=("bad_data",))
    case.record.add(NAN_INPUTS)
    done = shown(case)
    assert done.stdout == render(case, "json", ".descend") and "bad_data" not in done.stderr


def test_a_problem_that_the_trials_have_ruled_out_is_not_reported(shown, tmp_path):
    case = inputs_not_normalised(tmp_path)
    case.record.add(NAN_INPUTS)  # The case does not have it as a finding or a suspicion.
    assert shown(case).stdout == render(case, "json", ".descend")


def test_a_withdrawn_finding_stays_withdrawn(shown, tmp_path):
    case = inputs_not_normalised(tmp_path)
    trials = tuple(replace(trial, verdict="worse") for trial in case.trials)
    case = replace(case, findings=(), suspicions=case.findings[:1])
    case = altered(case, fix=None, trials=trials, withdrawn=frozenset({"inputs_not_normalised"}))
    assert shown(case).stdout == render(case, "json", ".descend")


def test_a_run_that_is_too_short_ends_as_it_does_in_the_consultation(descend_here, tmp_path):
    record = record_of(tmp_path, steps=1, reason="finished")
    with pytest.raises(UsageError, match="after a single optimizer step, which is too little to diagnose") as error:
        Case(record, ()).require_enough_steps()
    with open_store(tmp_path / ".descend") as store:
        store_record(store, record)
    done = descend_here("diagnose")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"descend: {error.value}\n")


def test_a_run_without_a_stored_diagnosis_is_diagnosed_from_its_record(tmp_path):
    record = record_of(tmp_path)
    record.add(NAN_INPUTS)
    record.ending = None  # The process was killed.
    with open_store(tmp_path) as store:
        case = load_case(store, store.save(record))
    assert [finding.id for finding in case.findings] == ["bad_data"] and case.proof.interrupted


@pytest.mark.parametrize("ignored", [(), ("bad_data",)])
def test_a_watched_run_is_diagnosed_with_its_own_ignored_problems(tmp_path, ignored):
    record = record_of(tmp_path)
    record.role = "watch"
    record.extend([NAN_INPUTS, Ending("finished", 0, 300, wall_s=4.6)])
    with open_store(tmp_path) as store:
        store.save(record)
        Reporter(tmp_path, lambda line: None, ignore=ignored).conclude(record, store)
        case = load_case(store, record.run)
    assert case.left_out == ignored and case.total_s == 4.6
    assert [finding.id for finding in case.findings] == ([] if ignored else ["bad_data"])
