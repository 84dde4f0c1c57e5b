"""The JSON contract, schema 2."""

import json
from dataclasses import replace

import pytest
from cases import dead_units, inputs_not_normalised, instability_symptom
from endings import empty, failed_script, healthy
from odd_cases import ALL, not_a_number

from descend.doctor.report import render_json, write_patches
from descend.doctor.report.patches import patches
from descend.doctor.report.verdict import is_clean, verdict

KEYS = {
    "schema", "status", "exit", "script", "steps", "stage", "findings", "suspicions", "trials", "patch", "patches",
    "reproduced", "effects", "cost", "changed", "failure", "refuted", "checks", "verdict",
    "undecided_because",
}  # fmt: skip
FINDING_KEYS = {
    "symptom", "rank", "standing", "consequences", "where",
    "quantity", "value", "bound", "sentence", "source",
}  # fmt: skip
TRIAL_KEYS = {
    *("remedies", "symptoms", "verdict", "reason", "metric", "quantity", "attainable"),
    *("before", "after", "interval", "gain", "seeds", "changed_the_run", "patch"),
}


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
    assert contract["schema"] == 2
    assert contract["status"] == case.status
    assert set(contract["cost"]) == {"bare_s", "watched_s", "total_s", "overhead"}
    assert all(set(finding) == FINDING_KEYS for finding in [*contract["findings"], *contract["suspicions"]])
    assert all(set(patch) == {"kind", "sentence", "diff"} for patch in contract["patches"])
    assert all(set(effect) == {"kind", "target", "refused"} for effect in contract["effects"])
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
    assert [t["patch"] for t in contract["trials"]] == ["cure", None, None, None]
    assert trial["interval"] == [0.078, 0.091]
    assert trial["seeds"] == [1, 2, 3, 4, 5]
    assert contract["patch"].startswith("--- train.py\n+++ train.py\n@@")
    assert [(p["kind"], p["diff"]) for p in contract["patches"]] == [("cure", contract["patch"])]
    assert trial["gain"] == pytest.approx([1 - 0.091 / 2.301, 1 - 0.078 / 2.301])
    assert contract["effects"] == [{"kind": "write", "target": "/home/someone/runs/model.pt", "refused": True}]
    cost = contract["cost"]
    assert cost["overhead"] == pytest.approx(36.4 / 4.1)
    assert cost["watched_s"] == 4.6


def test_a_failure_and_a_trial_that_was_not_judged_say_why(tmp_path):
    contract = strict(render_json(failed_script(tmp_path)))
    assert contract["failure"].startswith("the script failed after 12 steps with status 1: ValueError: Expected input")
    cured = strict(render_json(inputs_not_normalised(tmp_path)))
    assert cured["failure"] is None
    assert [t["reason"] for t in cured["trials"]] == [None, None, None, "the model is built in a library"]


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


@pytest.mark.parametrize(
    ("likely", "dismissed", "tried", "status"),
    [
        (True, (), True, "undecided"),
        (False, (), True, "healthy"),  # less than likely, beside trials that dismissed the rest
        (False, (), False, "undecided"),  # nothing was tried at all
        (True, ("instability",), True, "healthy"),
    ],
)
def test_no_problem_found_needs_that_no_likely_suspicion_is_open(likely, dismissed, tried, status, tmp_path):
    trials = inputs_not_normalised(tmp_path).trials[2:3] if tried else ()
    suspicions = (replace(instability_symptom(tmp_path), likely=likely),)
    case = replace(healthy(tmp_path), suspicions=suspicions, dismissed=dismissed, trials=trials)
    contract = strict(render_json(case))
    assert contract["status"] == case.status == status and contract["findings"] == []
    assert [s["symptom"] for s in contract["suspicions"]] == ([] if dismissed else ["instability"])
    assert is_clean(case) == (status == "healthy")
    assert ("no problem found" in verdict(case)) == (status == "healthy")
    assert contract["undecided_because"] == ([] if status == "healthy" else ["open_suspicion"])


def test_tuning_and_what_is_not_proved_are_patches_beside_the_cure(tmp_path):
    case = inputs_not_normalised(tmp_path)
    fact = replace(case.findings[0], id="target_leak", explains=frozenset())
    hidden = replace(case.trials[3], symptom="target_leak", label="hide it", reason="no trial", patch="--- a\n+++ a\n")
    case = replace(case, findings=(*case.findings, fact), trials=(*case.trials, hidden), tuning=case.trials[1])
    found = strict(render_json(case))["patches"]
    assert [patch["kind"] for patch in found] == ["cure", "tuning", "not_proved"]
    assert found[1]["sentence"].startswith("on top of the patch, learning rate 0.5 → 0.09: 0.083 → 0.412 on 5 seeds")
    assert "hide it, for what is sure: the network sees its own target; no trial" in found[2]["sentence"]
    write_patches(case, tmp_path)
    written = {name: (tmp_path / name).read_text() for name in ("fix.diff", "tuning.diff", "not_proved.diff")}
    assert list(written.values()) == [patch["diff"] for patch in found]
    assert strict(render_json(replace(case, streamed=True)))["patches"] == []


@pytest.mark.parametrize("outcome", ["failed", "not_proved", "no_effect", "helps"])
def test_a_suspicion_s_edit_is_no_patch(outcome, tmp_path):
    """What is not sure is not to be mended without a proof; a fact's edit is told as not proved."""
    case = inputs_not_normalised(tmp_path)
    trial = replace(case.trials[0], verdict=outcome)
    sure = replace(case, cure=None, trials=(trial,))
    assert [patch.kind for patch in patches(sure)] == ["not_proved"]
    suspected = replace(sure, findings=(replace(case.findings[0], certain=False),))
    assert patches(suspected) == ()
