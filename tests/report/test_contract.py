"""The JSON contract, schema 1."""

import json
from dataclasses import replace

import pytest
from cases import dead_units, inputs_not_normalised
from endings import empty, failed_script, healthy
from odd_cases import ALL, not_a_number

from descend.report import render_json

KEYS = {"schema", "status", "script", "steps", "stage", "findings", "trials", "patch", "reproduced", "cost"}
FINDING_KEYS = {
    "symptom", "rank", "confidence", "consequences", "where",
    "quantity", "value", "bound", "sentence", "source",
}  # fmt: skip
TRIAL_KEYS = {"remedies", "verdict", "metric", "before", "after", "interval", "seeds"}


def strict(text):
    """Parse as a parser would that knows only what the standard allows."""

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("name", ALL)
def test_every_case_is_valid_json_with_the_contracts_keys(name, tmp_path):
    case = ALL[name](tmp_path)
    contract = strict(render_json(case))
    assert set(contract) == KEYS
    assert contract["schema"] == 1
    assert contract["status"] == case.status
    assert set(contract["cost"]) == {"bare_s", "watched_s", "total_s", "overhead"}
    assert all(set(finding) == FINDING_KEYS for finding in contract["findings"])
    assert all(set(finding["where"]) == {"file", "line", "module"} for finding in contract["findings"])
    assert all(set(trial) == TRIAL_KEYS for trial in contract["trials"])
    assert [finding["rank"] for finding in contract["findings"]] == list(range(1, len(case.findings) + 1))


def test_a_case_with_a_cure(tmp_path):
    case = inputs_not_normalised(tmp_path)
    contract = strict(render_json(case))
    first = contract["findings"][0]
    assert first["symptom"] == "inputs_not_normalised"
    assert first["consequences"] == ["instability", "slow_progress"]
    assert first["where"] == {"file": "train.py", "line": 7, "module": None}
    assert (first["value"], first["bound"]) == (2300.0, 100.0)
    trial = contract["trials"][0]
    assert trial["verdict"] == "proved"
    assert trial["interval"] == [0.078, 0.091]
    assert trial["seeds"] == [1, 2, 3, 4, 5]
    assert contract["patch"].startswith("--- train.py\n+++ train.py\n@@")
    cost = contract["cost"]
    assert cost["overhead"] == pytest.approx(36.4 / 4.1)
    assert cost["watched_s"] == 4.6


def test_what_is_not_a_number_is_null(tmp_path):
    contract = strict(render_json(not_a_number(tmp_path)))
    assert contract["findings"][0]["value"] is None
    assert contract["findings"][0]["bound"] is None
    trial = contract["trials"][0]
    assert (trial["before"], trial["after"], trial["interval"]) == (None, None, [None, None])
    assert contract["cost"]["overhead"] is None


def test_a_finding_without_a_line_names_its_module(tmp_path):
    where = strict(render_json(dead_units(tmp_path)))["findings"][0]["where"]
    assert where == {"file": None, "line": None, "module": "encoder.3"}


def test_nothing_measured_and_nothing_patched(tmp_path):
    contract = strict(render_json(empty(tmp_path)))
    assert contract["patch"] is None
    assert contract["cost"] == {"bare_s": 0.0, "watched_s": None, "total_s": 0.0, "overhead": None}
    assert strict(render_json(healthy(tmp_path)))["findings"] == []
    assert strict(render_json(failed_script(tmp_path)))["status"] == "script_failed"


def test_a_path_that_is_not_unicode_is_still_valid_json(tmp_path):
    case = healthy(tmp_path)
    case.record.script = "python caf\udce9 α.py"
    text = render_json(case)
    text.encode("utf-8")
    assert strict(text)["script"] == "python caf\udce9 α.py"


def test_the_patch_is_still_there_after_it_has_been_applied(tmp_path):
    case = inputs_not_normalised(tmp_path)
    patch = case.patch
    (tmp_path / "train.py").write_text(case.cure.script.read(tmp_path / "train.py"))
    assert strict(render_json(case))["patch"] == patch
    assert strict(render_json(replace(case, cure=None)))["patch"] is None
