"""The JSON report, schema 3."""

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from cases import altered, dead_units, inputs_not_normalised, instability_symptom
from endings import empty, failed_script, healthy
from odd_cases import ALL, not_a_number

from descend.doctor.assess.reservations import Kind
from descend.doctor.report import render_json, write_patches
from descend.doctor.report.patches import Patch, patches
from descend.doctor.report.verdict import is_clean, verdict
from descend.doctor.trials.verdicts import Verdict

KEYS = {
    "schema", "status", "exit", "script", "steps", "stage", "findings", "suspicions", "trials", "patch", "patches",
    "reproduced", "effects", "cost", "changed", "failure", "refuted", "checks", "verdict",
    "undecided_because", "run", "interrupted", "limit", "untried", "skipped",
}  # fmt: skip
FINDING_KEYS = {
    "symptom", "rank", "certainty", "consequences", "where",
    "quantity", "value", "bound", "sentence", "source",
}  # fmt: skip
TRIAL_KEYS = {
    *("remedies", "label", "symptoms", "verdict", "reason", "metric", "quantity", "attainable"),
    *("before", "after", "interval", "gain", "seeds", "changed_the_run", "patch"),
}


def test_every_key_and_every_kind_of_patch_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    kinds = get_args(get_type_hints(Patch)["kind"])
    assert "suggestion" in kinds
    assert [name for name in (*KEYS, *FINDING_KEYS, *TRIAL_KEYS, *kinds) if f"`{name}`" not in page] == []


def strict(text):
    """Parse JSON strictly, without NaN and infinities."""

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("name", ALL)
def test_every_case_is_valid_json_with_the_documented_keys(name, tmp_path):
    case = ALL[name](tmp_path)
    contract = strict(render_json(case))
    assert set(contract) == KEYS
    assert contract["schema"] == 3
    assert contract["status"] == case.status
    assert set(contract["cost"]) == {"bare_s", "watched_s", "total_s", "overhead"}
    assert all(set(finding) == FINDING_KEYS for finding in [*contract["findings"], *contract["suspicions"]])
    assert all(set(patch) == {"kind", "sentence", "diff"} for patch in contract["patches"])
    assert all(set(effect) == {"kind", "target", "refused", "redirected"} for effect in contract["effects"])
    assert all(set(finding["where"]) == {"file", "line", "module"} for finding in contract["findings"])
    assert all(set(trial) == TRIAL_KEYS for trial in contract["trials"])
    assert [finding["rank"] for finding in contract["findings"]] == list(range(1, len(case.findings) + 1))


def test_a_case_with_a_proved_fix(tmp_path):
    case = inputs_not_normalised(tmp_path)
    contract = strict(render_json(case))
    first = contract["findings"][0]
    assert first["symptom"] == "inputs_not_normalised"
    assert first["consequences"] == ["instability", "slow_progress"]
    assert first["where"] == {"file": "train.py", "line": 7, "module": None}
    assert (first["value"], first["bound"]) == (2300.0, 100.0)
    trial = contract["trials"][0]
    assert (trial["verdict"], trial["label"]) == ("proved", "standardise inputs")
    assert [t["patch"] for t in contract["trials"]] == ["fix", None, None, None]
    assert trial["interval"] == [0.078, 0.091]
    assert trial["seeds"] == [1, 2, 3, 4, 5]
    assert contract["patch"].startswith("--- train.py\n+++ train.py\n@@")
    assert [(p["kind"], p["diff"]) for p in contract["patches"]] == [("fix", contract["patch"])]
    assert trial["gain"] == pytest.approx([1 - 0.091 / 2.301, 1 - 0.078 / 2.301])
    (effect,) = contract["effects"]
    assert effect == {"kind": "write", "target": "/home/someone/runs/model.pt", "refused": True, "redirected": False}
    cost = contract["cost"]
    assert cost["overhead"] == pytest.approx(36.4 / 4.1)
    assert cost["watched_s"] == 4.6


@pytest.mark.parametrize("reproduced", [True, False, None])
def test_whether_the_fix_is_reproduced_does_not_depend_on_the_sentence(reproduced, tmp_path):
    case = altered(inputs_not_normalised(tmp_path), reproduced=reproduced, verified="bit for bit")
    assert strict(render_json(case))["reproduced"] is reproduced
    assert strict(render_json(altered(case, fix=None)))["reproduced"] is None


def test_a_stored_run_is_named_by_its_number(tmp_path):
    assert strict(render_json(inputs_not_normalised(tmp_path)))["run"] == 7
    unstored = healthy(tmp_path)
    unstored.record.run = 0
    assert strict(render_json(unstored))["run"] is None


def test_a_failure_and_an_unjudged_trial_have_a_reason(tmp_path):
    contract = strict(render_json(failed_script(tmp_path)))
    assert contract["failure"].startswith("the script failed after 12 steps with status 1: ValueError: Expected input")
    cured = strict(render_json(inputs_not_normalised(tmp_path)))
    assert cured["failure"] is None
    assert [t["reason"] for t in cured["trials"]] == [None, None, None, "the model is built in a library"]


def test_nan_and_infinities_are_null(tmp_path):
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


def test_the_patch_is_still_reported_after_it_was_applied(tmp_path):
    case = inputs_not_normalised(tmp_path)
    patch = case.patch
    (tmp_path / "train.py").write_text(case.fix.script.read(tmp_path / "train.py"))
    assert strict(render_json(case))["patch"] == patch
    assert strict(render_json(altered(case, fix=None)))["patch"] is None


@pytest.mark.parametrize(
    ("likely", "dismissed", "tried", "status"),
    [
        (True, (), True, "undecided"),
        (False, (), True, "healthy"),  # less than likely, and the other suspicions were dismissed by trials
        (False, (), False, "undecided"),  # nothing was tried at all
        (True, ("instability",), True, "healthy"),
    ],
)
def test_no_problem_found_needs_that_no_likely_suspicion_is_open(likely, dismissed, tried, status, tmp_path):
    trials = inputs_not_normalised(tmp_path).trials[2:3] if tried else ()
    suspicions = (replace(instability_symptom(tmp_path), likely=likely),)
    case = altered(healthy(tmp_path), suspicions=suspicions, withdrawn=frozenset(dismissed), trials=trials)
    contract = strict(render_json(case))
    assert contract["status"] == case.status == status and contract["findings"] == []
    assert [s["symptom"] for s in contract["suspicions"]] == ([] if dismissed else ["instability"])
    assert is_clean(case) == (status == "healthy")
    assert ("no problem found" in verdict(case)) == (status == "healthy")
    assert contract["undecided_because"] == ([] if status == "healthy" else ["open_suspicion"])


def test_tuning_and_unproved_edits_are_separate_patches(tmp_path):
    case = inputs_not_normalised(tmp_path)
    fact = replace(case.findings[0], id="target_leak", explains=frozenset())
    hidden = replace(case.trials[3], symptom="target_leak", label="hide it", reason="no trial", patch="--- a\n+++ a\n")
    case = altered(case, findings=(*case.findings, fact), trials=(*case.trials, hidden), tuning=case.trials[1])
    found = strict(render_json(case))["patches"]
    assert [patch["kind"] for patch in found] == ["fix", "tuning", "not_proved"]
    assert found[1]["sentence"].startswith(
        "in addition to the patch, learning rate 0.5 → 0.09: 0.083 → 0.412 on 5 seeds"
    )
    assert (
        "hide it, for a certain problem: the network sees its own target [target_leak]; no trial"
        in found[2]["sentence"]
    )
    write_patches(case, tmp_path)
    written = {name: (tmp_path / name).read_text() for name in ("fix.diff", "tuning.diff", "not_proved.diff")}
    assert list(written.values()) == [patch["diff"] for patch in found]
    assert strict(render_json(replace(case, streamed=True)))["patches"] == []


@pytest.mark.parametrize("outcome", ["failed", "not_proved", "no_effect", "helps"])
def test_an_edit_for_a_suspicion_is_not_a_patch(outcome, tmp_path):
    """Only the edit for a certain problem is offered without a proof."""
    case = inputs_not_normalised(tmp_path)
    trial = replace(case.trials[0], verdict=outcome)
    sure = altered(case, fix=None, trials=(trial,))
    assert [patch.kind for patch in patches(sure)] == ["not_proved"]
    suspected = replace(sure, findings=(replace(case.findings[0], certain=False),))
    assert patches(suspected) == ()


def test_the_page_on_the_report_has_every_key_and_every_value():
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    kinds = get_args(get_type_hints(Patch)["kind"])
    for name in (*KEYS, *FINDING_KEYS, *TRIAL_KEYS, *Verdict, *kinds, *get_args(Kind), "open_suspicion"):
        assert f"`{name}`" in page, name
