"""The format of a report if a coding assistant runs descend, and if the user chooses one."""

import json
import os
from pathlib import Path

import pytest
from cases import inputs_not_normalised
from endings import healthy
from uncleared import uncleared

from descend.doctor.archive import save_case
from descend.doctor.commands.coding_assistant import VARIABLES, default_format, is_run_by_assistant
from descend.doctor.commands.recorded_runs import print_case
from descend.doctor.record.store import open_store


def store_case(folder: Path, make) -> None:
    case = make(folder)
    with open_store(folder / ".descend") as store:
        case.record.run = store.begin(case.record)
        store.finish(case.record)
        save_case(store, case)


@pytest.mark.parametrize("name", VARIABLES)
def test_each_variable_shows_an_assistant_unless_it_is_switched_off(name):
    assert is_run_by_assistant({name: "1"}) and default_format({name: "1"}) == "agent"
    assert not is_run_by_assistant({name: " "}) and default_format({name: ""}) == "text"
    assert not any(is_run_by_assistant({name: value}) for value in ("0", "false", "False", "no", "OFF"))


def test_a_person_in_the_terminal_of_an_editor_gets_text():
    person = {"TERM_PROGRAM": "vscode", "CURSOR_TRACE_ID": "1", "REPL_ID": "1", "AGENT_NAME": "build"}
    assert default_format(person) == "text"


def test_the_tests_themselves_run_without_these_variables():
    assert not is_run_by_assistant(os.environ)


def test_an_assistant_gets_the_report_on_one_stream_and_the_next_command_on_the_other(
    descend_here, monkeypatch, tmp_path
):
    store_case(tmp_path, inputs_not_normalised)
    monkeypatch.setenv("CLAUDECODE", "1")
    done = descend_here("diagnose")
    assert done.stdout.startswith("verdict: proved_fix\n") and "next:" not in done.stdout
    assert done.stderr.startswith("descend: next: descend apply 1\n")
    text = descend_here("diagnose", "--format", "text")
    assert text.stdout.startswith("verdict    1 problem") and text.stderr == ""


def test_a_run_without_a_problem_has_no_next_command(monkeypatch, capfd, tmp_path):
    monkeypatch.setenv("AI_AGENT", "some-assistant")
    print_case(healthy(tmp_path), format=None, folder=tmp_path, store=".descend", has_page=False)
    out, err = capfd.readouterr()
    assert out.startswith("verdict: nothing_to_fix\naction: Make no edit.") and err == ""


@pytest.mark.parametrize(
    ("format", "start"),
    [("text", "verdict "), ("json", "{"), ("markdown", "## descend: "), ("sarif", "{"), ("github", "::error file=")],
)
def test_the_user_chooses_the_format(format, start, descend_here, monkeypatch, tmp_path):
    store_case(tmp_path, inputs_not_normalised)
    monkeypatch.setenv("CURSOR_AGENT", "1")
    done = descend_here("diagnose", "--format", format)
    assert done.stdout.startswith(start) and done.stderr == ""


def test_an_unknown_format_is_one_line(descend_here):
    done = descend_here("diagnose", "--format", "xml")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "'sarif'" in done.stderr


@pytest.mark.slow
@pytest.mark.thorough  # test_formats.py compares the formats of stored diagnoses
def test_the_formats_of_one_diagnosis_agree(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(uncleared(12, lr=0.1))
    options = ("--select", "no_zero_grad", "--seeds", "2", "--trials", "0")
    done = descend_here("doctor", *options, "train.py", cwd=tmp_path, env={"AI_AGENT": "some-assistant"})
    assert "finding: no_zero_grad | certain | train.py:" in done.stdout, done.stderr
    report = json.loads(descend_here("diagnose", "--format", "json").stdout)
    log = json.loads(descend_here("diagnose", "--format", "sarif").stdout)
    results = log["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == [finding["symptom"] for finding in report["findings"]]
    assert ("fixes" in results[0]) == bool(report["patch"])
    assert (
        ("apply: descend apply 1" in done.stdout) == ("next: descend apply 1" in done.stderr) == bool(report["patch"])
    )
