"""Cases are stored and loaded unchanged."""

from dataclasses import asdict, replace

import pytest
from cases import altered, dead_units, inputs_not_normalised
from endings import healthy

from descend.doctor.archive import load_case, save_case
from descend.doctor.record import Record
from descend.doctor.record.store import open_store
from descend.doctor.script.file_change import FileChange


@pytest.mark.parametrize("make", [inputs_not_normalised, dead_units, healthy])
def test_a_stored_case_is_loaded_unchanged(make, tmp_path):
    case = altered(make(tmp_path), left_out=("no_zero_grad",), interrupted=True, withdrawn=frozenset({"cliff"}))
    case = replace(case, suspicions=case.findings[1:], findings=case.findings[:1])
    if case.fix is not None:  # of the script that was edited only what changes is kept
        trials = tuple(replace(trial, script=None) for trial in case.trials)
        change = FileChange("train.py", "0" * 64, "1" * 64, ((3, 4, "é\n"), (9, 9, "")))
        case = altered(
            case, fix=trials[case.trials.index(case.fix)], trials=trials, changes=(change,), tuning=trials[1]
        )
    with open_store(tmp_path / "store") as store:
        store.begin(case.record)
        save_case(store, case)
        loaded = load_case(store, case.record.run)
        assert [row.findings for row in store.runs()] == [len(case.findings)]
    stored, read = (asdict(replace(each, record=Record())) for each in (case, loaded))
    for name in stored.keys() - {"record"}:
        assert repr(read[name]) == repr(stored[name]), name  # a NaN is unequal to itself


def test_a_run_that_was_never_diagnosed_has_no_findings(tmp_path):
    record = healthy(tmp_path).record
    with open_store(tmp_path / "store") as store:
        loaded = load_case(store, store.begin(record))
    assert loaded.findings == loaded.suspicions == loaded.trials == ()
