"""The page as text: what stands on it, that it is escaped, and that it can be written."""

import os
import re
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from cases import inputs_not_normalised, instability, instability_symptom, output_loss_mismatch, trial_runs
from endings import empty, failed_script, healthy
from odd_cases import ALL, BAD, hostile

from descend.doctor.record import Ending, Fact, facts
from descend.doctor.report import render_page, write_page
from descend.doctor.report.document import check_writable, write_whole
from descend.ground.errors import UsageError


def body(html):
    """Return the page without its style and without Plotly."""
    return re.sub(r"<(script|style)[^>]*>.*?</\1>", "", html, flags=re.DOTALL)


def words(html):
    """Return the page's text on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", body(html)).split())


def test_the_verdict_comes_first_and_the_cost_last(tmp_path):
    text = words(render_page(inputs_not_normalised(tmp_path), trial_runs()))
    order = [
        "standardise inputs, 2.301 → 0.083",
        "What is wrong",
        "The proof",
        "The patch",
        "What was measured",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_a_finding_has_its_number_bound_source_place_and_line(tmp_path):
    html = body(render_page(inputs_not_normalised(tmp_path), trial_runs()))
    text = words(html)
    assert "condition ratio 2 300 bound 100 source Ba, CSC413 lecture 4, Ill-conditioned curvature" in text
    assert "train.py:7" in text
    marked = re.search(r'<span class="row marked">(.*?)</span>\s*<', html, re.DOTALL)
    assert "inputs = torch.tensor(table.data, dtype=torch.float32)" in marked.group(1)
    assert html.count('class="row marked"') == 1


def test_line_numbers_are_pythons_own(tmp_path):
    case = output_loss_mismatch(tmp_path)
    path = tmp_path / "train.py"
    path.write_text("'''\x0c\u2028'''\r\n" + path.read_text(), newline="")
    site = replace(case.findings[0].where, line=15, end_line=15)
    html = render_page(replace(case, findings=(replace(case.findings[0], where=site),)), {})
    assert "cross_entropy" in re.search(r'"row marked">(.*?)</span>\s*<span', html, re.DOTALL).group(1)


def test_consequences_are_folded_under_their_cause(tmp_path):
    html = render_page(inputs_not_normalised(tmp_path), trial_runs())
    assert body(html).count("<article") == 1
    assert "What follows from it: training is unstable" in words(html)
    assert "It also explains: progress is slow." in words(html)


def test_all_trials_are_listed_with_their_reasons(tmp_path):
    html = body(render_page(inputs_not_normalised(tmp_path), trial_runs()))
    rows = re.findall(r'<tr class="(\w+)">', html)
    assert rows == ["proved", "helps", "no_effect", "failed"]
    assert "the model is built in a library" in html
    assert re.search(r"Too little: less than 20\s% better, or less than 20\s% worse\.", html) and ">too little<" in html
    assert "no effect" not in html
    assert "−83 to −80\u00a0%" in html


def test_no_source_line_is_no_reason_to_fail(tmp_path):
    case = output_loss_mismatch(tmp_path)
    (tmp_path / "train.py").unlink()
    assert "marked" not in body(render_page(case, {}))


def test_a_healthy_case_shows_its_run_and_what_was_not_measured(tmp_path):
    text = words(render_page(healthy(tmp_path), {}))
    assert "No problem found No problem found in the 300 steps observed." in text
    assert "The script computes no loss on held-out data. the model memorises its training data" in text
    assert "curvature, curvature standardised: the loss uses a custom autograd.Function" in text
    assert "What is wrong" not in text
    assert "converge" not in text


def test_the_curvature_that_was_measured_is_drawn_once(tmp_path):
    drawn = []
    for case in (output_loss_mismatch(tmp_path), instability(tmp_path)):
        case.record.add(Fact.of(facts.Optimizer("SGD", groups=1, parameters=1000, lr=0.1), 0, "0"))
        drawn.append(words(render_page(case, {})))
    assert "The curvature α·λmax" in drawn[0]
    text = drawn[1]
    assert "The curvature" not in text and text.count("Above its bound") == 1


def test_a_failed_script_shows_its_own_traceback(tmp_path):
    text = words(render_page(failed_script(tmp_path), {}))
    assert text.index("The script failed") < text.index("Traceback (most recent call last)")


def test_a_suspicion_is_not_a_finding(tmp_path):
    case = replace(healthy(tmp_path), suspicions=(instability_symptom(tmp_path),))
    text = words(render_page(case, {}))
    assert text.index("Suspected, not confirmed") < text.index("Training is unstable.")
    assert "What is wrong" not in text


def test_without_a_chart_the_library_is_left_out(tmp_path):
    html = render_page(empty(tmp_path), {})
    assert len(html) < 50_000
    assert "The run could not be judged" in html


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_nothing_refers_to_the_outside(name, tmp_path):
    html = body(render_page(ALL[name](tmp_path), trial_runs()))
    assert not re.search(r"""<[^>]*\s(src|href)\s*=\s*["'](?!data:|#)""", html)
    assert "default-src 'none'" in html


def test_names_are_escaped_everywhere(tmp_path):
    html = render_page(hostile(tmp_path), trial_runs())
    assert "<script>window" not in html
    assert "<img" not in body(html)
    assert BAD not in html
    assert "&lt;script&gt;window.pwned" in html
    assert "{{ 7 * 7 }}" in html


def test_the_page_is_written_whole_and_replaces_the_last(tmp_path):
    path = tmp_path / "deep" / "report.html"
    for case in (healthy(tmp_path), empty(tmp_path)):
        write_page(case, {}, path)
    assert path.read_text(encoding="utf-8").endswith("</html>")
    assert "The run could not be judged" in path.read_text(encoding="utf-8")
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_a_page_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write .*file/report.html"):
        write_page(empty(tmp_path), {}, tmp_path / "file" / "report.html")


def test_a_name_that_is_not_unicode_can_be_written(tmp_path):
    case = healthy(tmp_path)
    case.record.environment["path"] = "caf\udce9"
    case.record.script = "python caf\udce9.py"
    write_page(case, {}, tmp_path / "report.html")
    assert "python caf" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_door_opens_without_what_only_a_page_needs():
    code = "import sys, descend.doctor.report; print({*'torch jinja2 plotly numpy'.split()} & {*sys.modules})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_tuning_has_a_section_of_its_own_and_says_that_it_is_not_applied(tmp_path):
    case = inputs_not_normalised(tmp_path)
    html = body(render_page(replace(case, tuning=case.trials[1]), trial_runs()))
    assert "What tuning adds" in html and "on top of the patch" in html.lower()
    assert "does not write it" in html and "tuning.diff" in html
    assert "What tuning adds" not in body(render_page(case, trial_runs()))


def test_a_proof_claims_as_many_steps_and_the_same_seeds_only_where_its_arms_have_them(tmp_path):
    case, records = inputs_not_normalised(tmp_path), trial_runs()
    assert "with and without the change, under the same seeds, for as many steps." in words(render_page(case, records))
    treated = {trial_run.run for trial_run in case.trials[0].treated}
    longer = {run: replace(r, ending=Ending("window", 0, 1200)) if run in treated else r for run, r in records.items()}
    assert "with and without the change, under the same seeds." in words(render_page(case, longer))
    other = replace(
        case.trials[0],
        treated=tuple(replace(trial_run, seed=trial_run.seed + 9) for trial_run in case.trials[0].treated),
    )
    text = words(render_page(replace(case, trials=(other,), cure=other), records))
    assert "with and without the change, for as many steps." in text


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    check_writable(pipe)
    write_whole("<p>a page</p>", pipe)
    reader.join(10)
    assert read == ["<p>a page</p>"] and pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]
