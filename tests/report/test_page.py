"""The text of the HTML report, its escaping, and writing it."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest
from cases import (
    METRIC,
    SOURCE,
    altered,
    inputs_not_normalised,
    instability,
    instability_symptom,
    output_loss_mismatch,
    record_of,
    trial_runs,
    vanishing_gradients,
)
from endings import empty, failed_script, healthy
from odd_cases import ALL, BAD, hostile

from descend.core.errors import UsageError
from descend.core.page_data import read_page_element
from descend.doctor.record import Ending, Fact, Reading, facts
from descend.doctor.report import render_page, write_page
from descend.doctor.report.formats.markdown import render_markdown
from descend.doctor.report.run_settings import run_settings


def body(html):
    """Return the page without its style and without Plotly."""
    return re.sub(r"<(script|style)[^>]*>.*?</\1>", "", html, flags=re.DOTALL)


def words(html):
    """Return the page's text on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", body(html)).split())


def test_the_order_is_verdict_patch_proof_evidence_other_trials_and_cost(tmp_path):
    text = words(render_page(inputs_not_normalised(tmp_path), trial_runs()))
    order = [
        "standardise inputs, 2.301 → 0.083",
        "learning rate 0.5",
        "The patch",
        "The proof",
        "What is wrong",
        "The run",
        "What else was tried",
        "Remedies that were not tried",
        "Checks",
        "Measurements and their cost",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_a_finding_has_value_limit_source_place_and_line(tmp_path):
    html = body(render_page(inputs_not_normalised(tmp_path), trial_runs()))
    text = words(html)
    assert "condition ratio 2 300 × limit 100 × source Ba, CSC413 lecture 4, Ill-conditioned curvature" in text
    assert "train.py:7" in text
    marked = re.search(r'<span class="row marked">(.*?)</span>\s*<', html, re.DOTALL)
    assert "inputs = torch.tensor(table.data, dtype=torch.float32)" in marked.group(1)
    assert html.count('class="row marked"') == 1


def test_line_numbers_are_those_of_python(tmp_path):
    case = output_loss_mismatch(tmp_path)
    path = tmp_path / "train.py"
    path.write_text("'''\x0c\u2028'''\r\n" + path.read_text(), newline="")
    site = replace(case.findings[0].where, line=15, end_line=15)
    html = render_page(replace(case, findings=(replace(case.findings[0], where=site),)), {})
    assert "cross_entropy" in re.search(r'"row marked">(.*?)</span>\s*<span', html, re.DOTALL).group(1)


def test_consequences_are_shown_with_their_cause(tmp_path):
    html = render_page(inputs_not_normalised(tmp_path), trial_runs())
    assert body(html).count("<article") == 1
    assert "Consequence: Training is unstable [instability]" in words(html)
    assert "Other consequences: progress is slow [slow_progress]." in words(html)


def test_all_trials_are_listed_with_their_reasons(tmp_path):
    html = body(render_page(inputs_not_normalised(tmp_path), trial_runs()))
    rows = re.findall(r'<tr class="(\w+)">', html)
    assert rows == ["proved", "helps", "no_effect", "failed"]
    assert "the model is built in a library" in html
    assert re.search(r"Too little: less than 20\s% better or less than 20\s% worse\.", html) and ">too little<" in html
    assert "no effect" not in html
    assert "down 80–83\u00a0%" in html


def test_the_settings_of_the_run_are_at_the_top(tmp_path):
    text = words(render_page(inputs_not_normalised(tmp_path), trial_runs()))
    top = text[: text.index("The patch")]
    assert "optimizer SGD learning rate 0.5 batch size 128 examples parameters 1 000 steps 300" in top


def test_a_schedule_and_several_optimizers_are_named(tmp_path):
    record = record_of(tmp_path)
    record.add(Reading("learning_rate", "0", 299, 0.01))
    record.add(Fact.of(facts.Optimizer("AdamW", groups=1, parameters=20, lr=1e-3, weight_decay=0.1), 0, "1"))
    settings = dict(run_settings(record))
    assert settings["optimizer"] == "SGD; AdamW, weight decay 0.1"
    assert settings["learning rate"] == "0.5 at first, 0.01 at the end; 0.001"
    assert settings["parameters"] == "1\u00a0000; 20"


def test_the_proof_says_its_interval_in_words(tmp_path):
    case = inputs_not_normalised(tmp_path)
    fix = replace(case.fix, quantity="error rate", gain=(0.57, 0.84))
    text = words(render_page(altered(case, trials=(fix, *case.trials[1:]), fix=fix), trial_runs()))
    proof = text[text.index("The proof") : text.index("What is wrong")]
    assert "error rate down 57–84 % (95 % interval), 2.301 → 0.083 on 5 seeds" in proof


def test_every_metric_has_its_own_table(tmp_path):
    case = inputs_not_normalised(tmp_path)
    other = replace(case.trials[1], quantity="1 − 'test acc'", metric="1 − 'test acc', as logged")
    html = body(render_page(altered(case, trials=(case.trials[0], other, *case.trials[2:])), trial_runs()))
    captions = re.findall(r"<caption><b>(.*?)</b>", html)
    assert [caption.partition(" by ")[2] for caption in captions[:2]] == [f"{METRIC}.", "1 − &#39;test acc&#39;."]


def test_every_table_has_a_header_for_each_column(tmp_path):
    html = body(render_page(inputs_not_normalised(tmp_path), trial_runs()))
    tables = re.findall(r"<table.*?</table>", html, re.DOTALL)
    assert len(tables) >= 6
    for table in tables:
        row = re.search(r"<tbody>\s*(<tr.*?</tr>)", table, re.DOTALL).group(1)
        assert table.count('scope="col"') == len(re.findall(r"<t[dh]\b", row))


def test_remedies_that_were_not_tried_are_named_after_the_proof(tmp_path):
    text = words(render_page(inputs_not_normalised(tmp_path), trial_runs()))
    untried = text[text.index("Remedies that were not tried") :]
    assert "Batch norm" in untried or "Adaptive rule" in untried
    assert "Adaptive rule:" not in text[: text.index("The run")]


def test_the_page_names_the_command_that_explains_each_problem(tmp_path):
    case = inputs_not_normalised(tmp_path)
    suspected = replace(instability_symptom(tmp_path), id="cliff")
    text = words(render_page(replace(case, suspicions=(suspected,)), trial_runs()))
    assert "descend explain inputs_not_normalised" in text and "descend explain cliff" in text


def test_the_copied_texts_are_the_patches_and_the_markdown_report(tmp_path):
    case = inputs_not_normalised(tmp_path)
    case = altered(case, tuning=case.trials[1])
    page = tmp_path / "report.html"
    write_page(case, trial_runs(), page)
    assert read_page_element(page, "text-fix.diff") == case.patch
    assert read_page_element(page, "text-tuning.diff") == case.tuning.patch
    assert read_page_element(page, "text-markdown") == render_markdown(case, ".descend")


def test_long_lines_of_a_diff_are_not_cut(tmp_path):
    case = inputs_not_normalised(tmp_path)
    script = case.fix.script
    long_line = "x = 1  # " + "long " * 100 + "END\n"
    patch = script.edit(script.path, SOURCE + long_line).diff()
    fix = replace(case.fix, patch=patch)
    html = body(render_page(altered(case, trials=(fix,), fix=fix), trial_runs()))
    assert re.search(r'<span class="row added">\+x = 1 .*END\s*</span>', html)


def test_a_page_of_a_whole_consultation_is_small(tmp_path):
    for name in ("inputs_not_normalised", "hostile", "long_names"):
        assert len(render_page(ALL[name](tmp_path), trial_runs()).encode()) < 500_000, name


@pytest.mark.slow
def test_a_page_with_many_curves_is_small(tmp_path):
    case = vanishing_gradients(tmp_path)
    places = [f"layers.{i}.weight" for i in range(150)]
    for place in places:
        for step in range(1000):
            case.record.add(Reading("gradient_norm", place, step, 1.0 + step / 7))
    finding = replace(case.findings[0], evidence=tuple(("gradient_norm", place) for place in places))
    assert len(render_page(replace(case, findings=(finding,)), {}).encode()) < 500_000


def test_a_missing_source_file_is_tolerated(tmp_path):
    case = output_loss_mismatch(tmp_path)
    (tmp_path / "train.py").unlink()
    assert "marked" not in body(render_page(case, {}))


def test_a_healthy_case_shows_its_run_and_the_skipped_measurements(tmp_path):
    text = words(render_page(healthy(tmp_path), {}))
    assert "No problem found No problem found in the 300 steps observed." in text
    assert "The script computes no loss on held-out data. the model memorises its training data" in text
    assert "curvature, curvature standardised: the loss uses a custom autograd.Function" in text
    assert "What is wrong" not in text
    assert "converge" not in text


def test_measured_curvature_is_drawn_once(tmp_path):
    drawn = []
    for case in (output_loss_mismatch(tmp_path), instability(tmp_path)):
        case.record.add(Fact.of(facts.Optimizer("SGD", groups=1, parameters=1000, lr=0.1), 0, "0"))
        drawn.append(words(render_page(case, {})))
    assert "The curvature α·λmax" in drawn[0]
    text = drawn[1]
    assert "The curvature" not in text and text.count("Above the stability limit") == 1


def test_a_failed_script_shows_its_traceback(tmp_path):
    text = words(render_page(failed_script(tmp_path), {}))
    assert text.index("The script failed") < text.index("Traceback (most recent call last)")


def test_a_suspicion_is_not_a_finding(tmp_path):
    case = replace(healthy(tmp_path), suspicions=(instability_symptom(tmp_path),))
    text = words(render_page(case, {}))
    assert text.index("Suspected, not confirmed") < text.index("Training is unstable [instability]")
    assert "What is wrong" not in text


def test_a_page_of_a_run_without_a_record_has_a_headline(tmp_path):
    assert "The run could not be judged" in render_page(empty(tmp_path), {})


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_the_page_has_no_external_references(name, tmp_path):
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


def test_the_page_is_written_atomically_and_replaces_the_old_one(tmp_path):
    path = tmp_path / "deep" / "report.html"
    for case in (healthy(tmp_path), empty(tmp_path)):
        write_page(case, {}, path)
    assert path.read_text(encoding="utf-8").endswith("</html>")
    assert "The run could not be judged" in path.read_text(encoding="utf-8")
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_a_page_that_cannot_be_written_is_a_usage_error(tmp_path):
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
def test_importing_the_report_package_imports_nothing_heavy():
    code = "import sys, descend.doctor.report; print({*'torch jinja2 plotly'.split()} & {*sys.modules})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_tuning_has_its_own_section_and_is_not_applied(tmp_path):
    case = inputs_not_normalised(tmp_path)
    html = body(render_page(altered(case, tuning=case.trials[1]), trial_runs()))
    assert "Further improvement by tuning" in html and "in addition to the patch" in html.lower()
    assert "does not write this patch" in html and "tuning.diff" in html
    assert "Further improvement by tuning" not in body(render_page(case, trial_runs()))


def test_a_proof_claims_equal_steps_and_seeds_only_if_the_trial_has_them(tmp_path):
    case, records = inputs_not_normalised(tmp_path), trial_runs()
    assert "with and without the change, with the same seeds, for the same number of steps." in words(
        render_page(case, records)
    )
    treated = {trial_run.run for trial_run in case.trials[0].treated}
    longer = {run: replace(r, ending=Ending("window", 0, 1200)) if run in treated else r for run, r in records.items()}
    assert "with and without the change, with the same seeds." in words(render_page(case, longer))
    other = replace(
        case.trials[0],
        treated=tuple(replace(trial_run, seed=trial_run.seed + 9) for trial_run in case.trials[0].treated),
    )
    text = words(render_page(altered(case, trials=(other,), fix=other), records))
    assert "with and without the change, for the same number of steps." in text
