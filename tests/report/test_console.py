"""What a person sees at the terminal."""

import io
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from cases import inputs_not_normalised, instability_symptom
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
def test_every_case_fits_its_width(name, width, tmp_path):
    lines = shown(ALL[name](tmp_path), width).splitlines()
    assert lines[0].startswith("verdict")
    assert all(cell_len(line.rstrip()) <= min(width, 120) for line in lines)


@pytest.mark.parametrize("name", [name for name in ALL if name != "long_names"])
def test_every_case_fits_one_screen(name, tmp_path):
    assert len(shown(ALL[name](tmp_path), 80).splitlines()) <= LONGEST_SCREEN


def test_endless_names_stay_within_two_screens(tmp_path):
    assert len(shown(long_names(tmp_path), 100).splitlines()) <= 1.5 * LONGEST_SCREEN


def test_a_cured_case_shows_finding_trials_patch_and_report(tmp_path):
    text = shown(inputs_not_normalised(tmp_path))
    lines = [line.rstrip() for line in text.splitlines()]
    labels = [line.split()[0] for line in lines if line[:1].strip()]
    assert labels == ["verdict", "watching", "finding", "trials", "patch", "refused", "checked", "report"]
    finding = next(line for line in lines if line.startswith("finding"))
    assert "Inputs are not normalised" in finding
    assert finding.endswith("train.py:7")
    assert "It also explains: training is unstable, progress is slow" in text
    assert text.count("training is unstable") == 1  # folded, not a finding of its own
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
    assert "train.py, +1 line (descend apply 7 writes it; kept as .descend/7/fix.diff)" in text
    assert lines[-1].split() == ["report", ".descend/7/report.html"]


@pytest.mark.parametrize(("size", "is_shown"), [(2, True), (30, False)])
def test_a_short_patch_is_shown_line_by_line_and_a_long_one_is_not(tmp_path, size, is_shown):
    case = inputs_not_normalised(tmp_path)
    added = "".join(f"+    x = {number}\n" for number in range(size))
    diff = f"--- train.py\n+++ train.py\n@@ -1,1 +1,{size} @@\n-pass\n{added}"
    text = shown(replace(case, cure=replace(case.cure, patch=diff)))
    assert ("\n           -pass" in text) == ("\n           +    x = 1" in text) == is_shown


def test_a_remedy_without_a_verdict_has_not_failed(tmp_path):
    rows = [line for line in shown(inputs_not_normalised(tmp_path), 120).splitlines() if "batch normalisation" in line]
    assert len(rows) == 1 and rows[0].rstrip().endswith("not judged")


def test_the_folder_is_the_callers(tmp_path):
    text = shown(inputs_not_normalised(tmp_path), 120, Path("elsewhere/3"))
    assert "elsewhere/3/report.html" in text
    assert "elsewhere/3/fix.diff" in text


def test_what_to_type_finds_the_run_where_it_is_kept(tmp_path):
    made = inputs_not_normalised(tmp_path)
    text = " ".join(shown(made, 200, store="postgresql+psycopg://host/runs", has_page=False).split())
    assert "(descend apply --store postgresql+psycopg://host/runs 7 writes it; kept as" in text
    assert "descend report --store postgresql+psycopg://host/runs 7 writes .descend/7/report.html" in text
    assert "hunter2" not in shown(made, 200, store="postgresql+psycopg://me:hunter2@host/runs")


def test_no_problem_found_says_for_how_many_problems_the_run_was_checked_and_what_was_missing(tmp_path):
    case = healthy(tmp_path)
    unmade = sum(check.outcome == "not_checked" for check in case.checks)
    text = " ".join(shown(case, 120).split())
    assert "no problem found in the 300 steps observed" in text
    assert (
        f"checked for {len(case.checks) - unmade} problems; {unmade} could not be checked (" in text
        and "no held-out loss" in text
    )
    assert unmade > 0 and text.count("the report lists them") == 1


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_claimed_that_a_curve_cannot_show(name, tmp_path):
    assert "converge" not in shown(ALL[name](tmp_path)).lower()


def test_of_a_failed_script_and_a_killed_process_it_is_not_said_that_no_problem_was_found(tmp_path):
    for case in (failed_script(tmp_path), killed(tmp_path), empty(tmp_path)):
        text = shown(case)
        assert "no problem found" not in text and "checked" not in text
    assert "ValueError: Expected input batch_size (64)" in shown(failed_script(tmp_path), 120)


def test_text_from_the_script_is_neither_markup_nor_an_escape_sequence(tmp_path):
    case = hostile(tmp_path)
    plain = shown(case)
    assert "[bold red]" in plain
    assert "\x1b" not in plain
    assert "\u202e" not in plain
    assert "\x1b[31m " not in shown(case, color=True).replace("[31m </style>", "")


def test_suspicions_are_shown_with_how_sure_they_are_until_a_trial_dismisses_them(tmp_path):
    case = replace(healthy(tmp_path), suspicions=(instability_symptom(tmp_path),))
    tried = replace(case, trials=inputs_not_normalised(tmp_path).trials[2:3])
    for undecided in (case, tried):
        text = shown(undecided)
        assert "suspected  Training is unstable (likely)" in text and "no problem found" not in text
    dismissed = replace(tried, dismissed=("instability",))
    assert "training is unstable" not in shown(dismissed) and "no problem found" in shown(dismissed)


def test_many_findings_are_counted_not_all_printed(tmp_path):
    text = " ".join(shown(long_names(tmp_path)).split())
    assert "8 findings" in text
    assert "also training is on a plateau;" in text
    assert "and 15 more trials in the report" in text


def test_what_was_refused_is_shown_when_no_problem_was_found(tmp_path):
    case = healthy(tmp_path)
    case.record.effects.clear()
    assert "refused" not in shown(case)
    case.record.add(Effect("write", "/home/someone/model.pt", False))
    assert "refused" not in shown(case)
    case.record.add(Effect("delete", "/data/cache", True))
    assert "refused    delete /data/cache (--allow-effects permits it)" in shown(case)
    case.record.add(Effect("connection", "example.org:443", True))
    text = " ".join(shown(case).split())
    assert "no problem found" in text
    assert "refused 2 effects outside the scratch copy, the first: delete /data/cache" in text
    case.record.effects[:] = [Effect("process", "fc-list --help", True, by="plotter")]
    assert "refused process fc-list --help, by the installed library plotter" in " ".join(shown(case).split())


def test_each_patch_has_its_line(tmp_path):
    case = inputs_not_normalised(tmp_path)
    case = replace(case, tuning=case.trials[1])
    text = " ".join(shown(case, 120).split())
    assert "tuning on top of the patch, learning rate 0.5 → 0.09: 0.083 → 0.412 on 5 seeds" in text
    assert "which descend apply does not write: patch -p0 < .descend/7/tuning.diff" in text
    sure = replace(case, tuning=None, cure=None, trials=(replace(case.trials[0], verdict="no_effect"),))
    text = " ".join(shown(sure, 120).split())
    assert (
        "unproved standardise inputs, for what is sure: inputs are not normalised; its trial showed too little" in text
    )
    assert "patch -p0 < .descend/7/not_proved.diff" in text


@pytest.mark.parametrize(
    ("kind", "after", "is_offered"), [("wiring", 3.0, True), ("wiring", inf, False), ("statics", 3.0, False)]
)
def test_the_fix_of_wrong_wiring_is_offered_though_its_trial_ended_worse(tmp_path, kind, after, is_offered):
    case = inputs_not_normalised(tmp_path)
    worse = replace(case.trials[0], verdict="worse", after=after)
    findings = tuple(replace(finding, kind=kind) for finding in case.findings)
    case = replace(case, tuning=None, cure=None, findings=findings, trials=(worse,))
    assert (case.unproved is worse) == is_offered
    said = "its trial ended worse at the learning rate chosen for the fault, "
    assert (said in " ".join(shown(case, 120).split())) == is_offered


def test_the_trials_are_headed_by_what_is_true_of_all(tmp_path):
    case = inputs_not_normalised(tmp_path)
    smaller = replace(
        case.trials[0], metric="squared error after 20 steps, and 80 with the change, on as many examples"
    )
    plain = replace(case.trials[1], metric="squared error after 20 steps")
    assert "squared error after 20 steps batch" in " ".join(
        shown(replace(case, trials=(replace(smaller, label="batch"), plain))).split()
    )
    assert "and 80 with the change" in " ".join(shown(replace(case, trials=(smaller,))).split())
