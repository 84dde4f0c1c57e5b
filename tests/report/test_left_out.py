"""Remedies that were not tried appear in every format, and never as proved."""

import io
import json
from dataclasses import replace

import pytest
from cases import altered, inputs_not_normalised, instability_symptom
from endings import healthy
from rich.console import Console

from descend.doctor.archive import save_case
from descend.doctor.record.recording import store_record
from descend.doctor.record.store import open_store
from descend.doctor.report import render_console, render_json, render_page
from descend.doctor.report.formats import render
from descend.doctor.report.left_out import left_out_message
from descend.doctor.report.patches import patches
from descend.doctor.report.verdict import verdict
from descend.doctor.trials.proof import UntriedRemedy

LABELS = ["standardise inputs", "Adam, lr 0.001", "learning rate 0.5 → 0.03", "clip gradients", "batch normalisation"]
REMEDIES = tuple(
    UntriedRemedy(("x",), label, ("inputs_not_normalised",), f"--- a\n+++ a\n@@ -1,1 +1,1 @@\n-old\n+new {number}\n")
    for number, label in enumerate(LABELS)
)


def case_with(tmp_path, limit, **changes):
    """Return a case without trials whose five remedies were not tried."""
    without = {"trials": (), "fix": None, "verified": "", "limit": limit, "untried": REMEDIES}
    return altered(inputs_not_normalised(tmp_path), **without | changes)


def printed(case) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(render_console(case, folder=None))
    return " ".join(console.file.getvalue().split())


def test_a_quick_consultation_says_that_no_remedy_was_tried(tmp_path):
    text = printed(case_with(tmp_path, "quick"))
    assert "2 problems, and no remedy was tried (--quick)" in text or "1 problem, and no remedy" in text
    assert "5 remedies: standardise inputs; Adam, lr 0.001; learning rate 0.5 → 0.03; 2 more" in text
    assert "not tried, so its effect is unknown" in text and "+new 0" in text
    assert "proved" not in text.replace("unproved", "").replace("proves one", "")


def test_a_consultation_without_enough_time_lists_what_is_missing(tmp_path):
    parts = ("the check of the patch under plain python",)
    case = case_with(tmp_path, "budget", skipped=parts)
    assert "and the time of --budget was over: no trial has finished yet" in printed(case)
    assert left_out_message(case).startswith("for lack of time: 5 remedies: ")
    assert parts[0] in printed(case)
    page = render_page(case, {})
    assert all(label in page for label in LABELS) and "Not tried" in page


def test_assistants_and_pull_requests_get_the_untried_remedies_without_a_proof(tmp_path):
    case = case_with(tmp_path, "quick")
    for format in ("agent", "markdown"):
        text = render(case, format, ".descend")
        assert "5 remedies: standardise inputs; Adam" in text and "+new 0" in text, text
        assert "proved" not in text.replace("unproved", "").replace("proves one", "").replace("no_proved_fix", ""), text


def test_only_the_first_remedy_of_a_problem_is_shown_as_a_patch(tmp_path):
    found = patches(case_with(tmp_path, "quick"))
    assert [(patch.kind, patch.diff) for patch in found] == [("untried", REMEDIES[0].patch)]


def test_with_a_proved_fix_no_untried_edit_is_shown_as_a_patch(tmp_path):
    case = altered(inputs_not_normalised(tmp_path), limit="budget", untried=REMEDIES)
    assert {patch.kind for patch in patches(case)} == {"fix"}


def test_the_json_report_has_every_untried_remedy_with_its_patch(tmp_path):
    report = json.loads(render_json(case_with(tmp_path, "budget", skipped=("a part",))))
    assert [remedy["label"] for remedy in report["untried"]] == LABELS
    assert all(remedy["patch"] for remedy in report["untried"])
    assert (report["limit"], report["skipped"], report["patch"]) == ("budget", ["a part"], None)


@pytest.mark.parametrize(
    "changes", [{"interrupted": True}, {"limit": "budget", "untried": REMEDIES, "skipped": ("x",)}]
)
def test_a_later_diagnosis_keeps_why_trials_are_missing(descend_here, tmp_path, changes):
    case = altered(inputs_not_normalised(tmp_path), trials=(), fix=None, **changes)
    with open_store(tmp_path / "store") as store:
        store_record(store, case.record)
        save_case(store, case)
    done = descend_here("diagnose", "--store", str(tmp_path / "store"), "--format", "json")
    again = json.loads(done.stdout)
    assert again["interrupted"] == case.proof.interrupted and again["limit"] == (case.proof.limit or None)
    assert again["skipped"] == list(case.proof.skipped) and len(again["untried"]) == len(case.proof.untried)
    assert again["verdict"].startswith("interrupted") == case.proof.interrupted


def test_a_later_diagnosis_leaves_out_the_same_problems_and_names_the_same_options(descend_here, tmp_path):
    case = replace(healthy(tmp_path), left_out=("dead_units",), options=("--ignore dead_units", "--steps 300"))
    with open_store(tmp_path / "store") as store:
        store_record(store, case.record)
        save_case(store, case)
    agent, markdown = (
        descend_here("diagnose", "--store", str(tmp_path / "store"), "--format", format).stdout
        for format in ("agent", "markdown")
    )
    assert "verdict: no_problem_found\n" in agent and "not_requested: dead_units\n" in agent
    assert "descend doctor --ignore dead_units --steps 300 python train.py" in markdown


def test_a_quick_consultation_counts_the_less_likely_problems_that_need_trials(tmp_path):
    unlikely = replace(instability_symptom(tmp_path), likely=False)
    case = altered(healthy(tmp_path), suspicions=(unlikely,), limit="quick")
    assert "; 1 less likely problem would need trials, which --quick leaves out" in verdict(case)
