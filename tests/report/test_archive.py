"""A case comes back from the store as it was."""

from dataclasses import replace

import pytest
from cases import dead_units, inputs_not_normalised
from endings import healthy

from descend.doctor.archive import load_case, save_case
from descend.doctor.record.store import open_store
from descend.doctor.script.change import Change


@pytest.mark.parametrize("make", [inputs_not_normalised, dead_units, healthy])
def test_a_case_is_loaded_as_it_was_saved(make, tmp_path):
    case = replace(make(tmp_path), left_out=("no_zero_grad",), interrupted=True, dismissed=("cliff",))
    case = replace(case, suspicions=case.findings[1:], findings=case.findings[:1])
    if case.cure is not None:  # of the script that was edited only what changes is kept
        trials = tuple(replace(trial, script=None) for trial in case.trials)
        change = Change("train.py", "0" * 64, "1" * 64, ((3, 4, "é\n"), (9, 9, "")))
        case = replace(
            case, cure=trials[case.trials.index(case.cure)], trials=trials, changes=(change,), tuning=trials[1]
        )
    with open_store(tmp_path / "store") as store:
        store.begin(case.record)
        save_case(store, case)
        loaded = load_case(store, case.record.run)
        assert [row.findings for row in store.runs()] == [len(case.findings)]
    assert repr(replace(loaded, record=case.record)) == repr(case)  # a NaN is unequal to itself


def test_a_run_that_was_never_diagnosed_has_no_findings(tmp_path):
    record = healthy(tmp_path).record
    with open_store(tmp_path / "store") as store:
        loaded = load_case(store, store.begin(record))
    assert loaded.findings == loaded.suspicions == loaded.trials == ()
