"""The report on the terminal."""

import io
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from cases import altered, inputs_not_normalised, instability_symptom
from endings import empty, failed_script, healthy, killed
from odd_cases import ALL, hostile, long_names
from rich.cells import cell_len
from rich.console import Console

from descend.doctor.record import Effect
from descend.doctor.report import render_console

LONGEST_SCREEN = 32


def shown(case, width=100, folder=None, color=False, **kept):
    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=color, color_system="standard" if color else None).print(
        render_console(case, folder, **kept)
    )
    return stream.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("width", [80, 100, 120, 200])
@pytest.mark.parametrize("name", ALL)
def test_every_case_fits_the_terminal_width(name, width, tmp_path):
    lines = shown(ALL[name](tmp_path), width).splitlines()
    assert lines[0].startswith("verdict")
    assert all(cell_len(line.rstrip()) <= min(width, 120) for line in lines)


@pytest.mark.parametrize("name", [name for name in ALL if name != "long_names"])
def test_every_case_fits_one_screen(name, tmp_path):
    assert len(shown(ALL[name](tmp_path), 80).splitlines()) <= LONGEST_SCREEN


def test_very_long_names_fit_on_two_screens(tmp_path):
    assert len(shown(long_names(tmp_path), 100).splitlines()) <= 1.5 * LONGEST_SCREEN


def test_a_fixed_case_shows_problem_trials_patch_and_report(tmp_path):
    text = shown(inputs_not_normalised(tmp_path))
    lines = [line.rstrip() for line in text.splitlines()]
    labels = [line.split()[0] for line in lines if line[:1].strip()]
    assert labels == ["verdict", "run", "problem", "trials", "patch", "refused", "checked", "report"]
    finding = next(line for line in lines if line.startswith("problem"))
    assert "Inputs are not normalised [inputs_not_normalised]" in finding
    assert finding.endswith("train.py:7")
    assert "Consequences: training is unstable [instability]; progress is slow [slow_progress]" in text
    assert text.count("training is unstable") == 1  # shown as a consequence only
    row = next(line for line in lines if line.strip().startswith("standardise inputs"))
    assert row.split("standardise inputs")[1].split() == [
        "2.301",
        "→",
        "0.083",
        "5",
        "seeds",
        "proved",
    ]
    assert "batch normalisation (the model is built in a library)" in shown(inputs_not_normalised(tmp_path), 120)
    assert "train.py, +1 line. Apply it: descend apply 7 (stored as .descend/7/fix.diff)" in text
    assert lines[-1].split() == ["report", ".descend/7/report.html"]


@pytest.mark.parametrize(("size", "is_shown"), [(2, True), (11, True), (12, False), (30, False)])
def test_only_a_patch_of_at_most_twelve_lines_is_shown_line_by_line(tmp_path, size, is_shown):
    case = inputs_not_normalised(tmp_path)
    added = "".join(f"+    x = {number}\n" for number in range(size))
    diff = f"--- train.py\n+++ train.py\n@@ -1,1 +1,{size} @@\n-pass\n{added}"
    text = shown(altered(case, fix=replace(case.fix, patch=diff)))
    assert ("\n           -pass" in text) == ("\n           +    x = 1" in text) == is_shown


def test_the_lines_of_a_short_patch_are_not_cut(tmp_path):
    case = inputs_not_normalised(tmp_path)
    names = [f"name_{number}" for number in range(20)]
    diff = f"--- train.py\n+++ train.py\n@@ -1,0 +1,1 @@\n+    x = [{', '.join(names)}]\n"
    text = shown(altered(case, fix=replace(case.fix, patch=diff)), 80)
    assert f"x=[{','.join(names)}]" in "".join(text.split())
    endless = diff.replace("name_0", "a" * 10_000)
    assert "aaaa" not in shown(altered(case, fix=replace(case.fix, patch=endless)), 80)


def test_a_trial_without_a_verdict_is_not_reported_as_failed(tmp_path):
    rows = [line for line in shown(inputs_not_normalised(tmp_path), 120).splitlines() if "batch normalisation" in line]
    assert len(rows) == 1 and rows[0].rstrip().endswith("not judged")


def test_the_report_folder_can_be_given(tmp_path):
    text = shown(inputs_not_normalised(tmp_path), 120, Path("elsewhere/3"))
    assert "elsewhere/3/report.html" in text
    assert "elsewhere/3/fix.diff" in text


def test_printed_commands_name_the_store_of_the_run(tmp_path):
    made = inputs_not_normalised(tmp_path)
    text = " ".join(shown(made, 200, store="postgresql+psycopg://host/runs", has_page=False).split())
    assert "Apply it: descend apply --store postgresql+psycopg://host/runs 7 (stored as" in text
    assert "descend report --store postgresql+psycopg://host/runs 7 writes .descend/7/report.html" in text
    assert "hunter2" not in shown(made, 200, store="postgresql+psycopg://me:hunter2@host/runs")


def test_no_problem_found_reports_the_number_of_checks_and_the_missing_data(tmp_path):
    case = healthy(tmp_path)
    unmade = sum(check.outcome == "not_checked" for check in case.checks)
    text = " ".join(shown(case, 120).split())
    assert "no problem found in the 300 steps observed" in text
    assert f"checked for {len(case.checks) - unmade} of {len(case.checks)} problems; the report lists them" in text
    assert unmade > 0 and "could not be checked" not in text and "unchecked" not in text


def test_checks_that_could_not_run_are_listed_with_their_reasons_on_request(tmp_path):
    case = healthy(tmp_path)
    unmade = [check for check in case.checks if check.outcome == "not_checked"]
    text = " ".join(shown(case, 120, verbose=True).split())
    assert f"checked for {len(case.checks) - len(unmade)} problems; {len(unmade)} could not be checked (" in text
    assert "no held-out loss" in text and text.count("the report lists them") == 1
    listed = text.partition(" unchecked ")[2]
    assert unmade and all(f"[{check.symptom}]" in listed for check in unmade)


@pytest.mark.parametrize("name", ALL)
def test_convergence_is_never_claimed(name, tmp_path):
    assert "converge" not in shown(ALL[name](tmp_path)).lower()


def test_failed_and_killed_runs_are_not_reported_as_free_of_problems(tmp_path):
    for case in (failed_script(tmp_path), killed(tmp_path), empty(tmp_path)):
        text = shown(case)
        assert "no problem found" not in text and "checked" not in text
    assert "ValueError: Expected input batch_size (64)" in shown(failed_script(tmp_path), 120)


def test_text_from_the_script_is_printed_without_markup_or_escape_sequences(tmp_path):
    case = hostile(tmp_path)
    plain = shown(case)
    assert "[bold red]" in plain
    assert "\x1b" not in plain
    assert "\u202e" not in plain
    assert "\x1b[31m " not in shown(case, color=True).replace("[31m </style>", "")


def test_suspicions_are_shown_with_their_certainty_until_a_trial_dismisses_them(tmp_path):
    case = replace(healthy(tmp_path), suspicions=(instability_symptom(tmp_path),))
    tried = altered(case, trials=inputs_not_normalised(tmp_path).trials[2:3])
    for undecided in (case, tried):
        text = shown(undecided)
        assert "suspected  Training is unstable (likely) [instability]" in text and "no problem found" not in text
    dismissed = altered(tried, withdrawn=frozenset({"instability"}))
    assert "training is unstable" not in shown(dismissed) and "no problem found" in shown(dismissed)


def test_many_findings_are_counted_and_only_the_first_are_printed(tmp_path):
    text = " ".join(shown(long_names(tmp_path)).split())
    assert "8 problems" in text
    assert "also training is on a plateau [plateau];" in text
    assert "and 15 more trials in the report" in text


def test_refused_effects_are_shown_when_no_problem_was_found(tmp_path):
    case = healthy(tmp_path)
    case.record.effects.clear()
    assert "refused" not in shown(case)
    case.record.add(Effect("write", "/home/someone/model.pt", False))
    assert "refused" not in shown(case)
    case.record.add(Effect("delete", "/data/cache", True))
    assert "refused    delete /data/cache (permit with --allow-effects)" in shown(case)
    case.record.add(Effect("connection", "example.org:443", True))
    text = " ".join(shown(case).split())
    assert "no problem found" in text
    assert "refused 2 actions outside the scratch copy; the first: delete /data/cache" in text
    case.record.effects[:] = [Effect("process", "fc-list --help", True, by="plotter")]
    assert "refused process fc-list --help, by the installed library plotter" in " ".join(shown(case).split())


def test_redirected_changes_have_a_row_of_their_own(tmp_path):
    case = healthy(tmp_path)
    case.record.effects[:] = [Effect("write", "/data/model.pt", False, redirected=True)]
    text = " ".join(shown(case).split())
    assert "files write /data/model.pt: redirected to the run's own copy, your files are unchanged" in text
    assert "refused" not in text
    case.record.add(Effect("delete", "/data/old.pt", False, redirected=True))
    text = " ".join(shown(case).split())
    assert "files 2 changes redirected to the run's own copy, your files are unchanged; the first: write" in text


def test_each_patch_has_a_row(tmp_path):
    case = inputs_not_normalised(tmp_path)
    case = altered(case, tuning=case.trials[1])
    text = " ".join(shown(case, 120).split())
    assert "tuning in addition to the patch, learning rate 0.5 → 0.09: 0.083 → 0.412 on 5 seeds" in text
    assert "descend apply does not write this patch; by hand: patch -p0 < .descend/7/tuning.diff" in text
    sure = altered(case, tuning=None, fix=None, trials=(replace(case.trials[0], verdict="no_effect"),))
    text = " ".join(shown(sure, 120).split())
    assert (
        "unproved standardise inputs, for a certain problem: inputs are not normalised [inputs_not_normalised]; its "
        "trial showed too small" in text
    )
    assert "patch -p0 < .descend/7/not_proved.diff" in text


@pytest.mark.parametrize(
    ("kind", "after", "is_offered"), [("wiring", 3.0, True), ("wiring", inf, False), ("statics", 3.0, False)]
)
def test_a_wiring_fix_is_offered_although_its_trial_was_worse(tmp_path, kind, after, is_offered):
    case = inputs_not_normalised(tmp_path)
    worse = replace(case.trials[0], verdict="worse", after=after)
    findings = tuple(replace(finding, kind=kind) for finding in case.findings)
    case = altered(case, tuning=None, fix=None, findings=findings, trials=(worse,))
    assert (case.unproved_trial is worse) == is_offered
    said = "its trial was worse with the learning rate of the faulty run, "
    assert (said in " ".join(shown(case, 120).split())) == is_offered


def test_the_heading_of_the_trials_has_only_what_all_trials_share(tmp_path):
    case = inputs_not_normalised(tmp_path)
    smaller = replace(case.trials[0], metric="squared error after 20 steps, or 80 steps with the change")
    plain = replace(case.trials[1], metric="squared error after 20 steps")
    assert "squared error after 20 steps batch" in " ".join(
        shown(altered(case, trials=(replace(smaller, label="batch"), plain))).split()
    )
    assert "or 80 steps with the change" in " ".join(shown(altered(case, trials=(smaller,))).split())
