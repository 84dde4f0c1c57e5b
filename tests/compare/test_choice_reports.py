"""The reports on a comparison: console, page, JSON, Markdown, text for assistants and annotations."""

import json
from dataclasses import replace
from math import inf
from types import SimpleNamespace

import pytest
from compared_choices import (
    ADAMW,
    FAULT,
    LION,
    METRIC,
    OWN_RUNS,
    PATCH,
    RESULTS,
    STEPS,
    SWITCH,
    UNDECIDED,
    baseline_of,
    run_of,
)

from descend.core.errors import UsageError
from descend.doctor.commands import compare as command
from descend.doctor.commands.apply_patch import _write_patch
from descend.doctor.commands.terminal import plain_text
from descend.doctor.compare.relative_steps import relative_steps
from descend.doctor.record import Reading, Series
from descend.doctor.report import choice_patches
from descend.doctor.report.choice_console import render_choice_console
from descend.doctor.report.choice_figures import MOST_DRAWN, choice_figures
from descend.doctor.report.choice_formats import RENDERERS
from descend.doctor.report.choice_page import render_choice_page
from descend.doctor.report.choice_verdict import suspicion_hint, suspicion_messages

every_result = pytest.mark.parametrize("name", RESULTS)


@every_result
@pytest.mark.parametrize("format", RENDERERS)
def test_each_format_shows_each_result(name, format):
    text = RENDERERS[format](RESULTS[name])
    assert text and "nan" not in text.lower() and "inf" not in text.lower().replace("info", "")


@every_result
@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_shows_each_result_in_its_width(name, width, tmp_path):
    text = plain_text(render_choice_console(RESULTS[name], tmp_path), width)
    assert text.startswith("verdict ") and max(map(len, text.splitlines())) <= width
    assert "…" not in text  # no cell of the table is cut off


def test_the_terminal_shows_how_to_apply_the_patch_and_what_it_needs(tmp_path):
    result = replace(SWITCH, ranked=(LION,), winner=LION)
    text = " ".join(plain_text(render_choice_console(result, tmp_path), 200).split())
    assert f"patch -p0 < {tmp_path}/compare.diff" in text and "+optimizer = AdamW(lr=0.003)" in text
    assert "The changed script needs descend.optim." in text
    assert "patch -p0" not in plain_text(render_choice_console(result), 200)  # It is not stored.


def test_each_suspected_problem_is_one_line_and_the_doctor_finds_out_whether_it_is_real():
    suspected = tuple(
        replace(FAULT, certain=False, id=id) for id in ("dead_units", "plateau", "batch_size", "overfitting")
    )
    result = replace(SWITCH, suspected=suspected)
    printed = plain_text(render_choice_console(result), 100).splitlines()
    lines = [line.removeprefix("suspected").strip() for line in printed]
    first = lines.index("Units are dead [dead_units] (train.py:12)")
    last = "1 more problem is suspected; to find out whether they are real, run descend doctor train.py"
    assert " ".join(lines[first + 3 : first + 5]) == last
    for text in (render_choice_page(result), *(RENDERERS[name](result) for name in ("agent", "markdown"))):
        assert last in text.replace("\\", "").replace("\u00a0", " ") and "of earlier steps are added" not in text
    alone = replace(SWITCH, suspected=suspected[:1])
    assert suspicion_messages(alone) == ["Units are dead [dead_units] (train.py:12)"]
    assert suspicion_hint(alone) == "to find out whether it is real, run descend doctor train.py"
    assert suspicion_hint(SWITCH) == ""


def test_json_has_the_search_and_the_runs_in_pairs():
    report = json.loads(RENDERERS["json"](SWITCH))
    assert (report["status"], report["winner"], report["exit"]["status"]) == ("switch", "AdamW", 0)
    assert report["patch"] == PATCH and report["current"]["values"] == {"lr": 0.1}
    best, *_, refused = report["choices"]
    assert [run["seed"] for run in best["before"]] == [run["seed"] for run in best["after"]] == [1, 2, 3, 4, 5]
    assert best["values"] == {"lr": 0.003} and best["relative_difference_to_tuned"] == [-0.3, -0.1]
    assert best["tried"][-1]["is_stopped_early"] and best["tried"][-2]["cost"] is None
    assert best["to_target"]["time_ratio"] == pytest.approx([0.6, 1.0])  # steps of twice the time
    assert best["exchange_rate"] and best["search_steps"] == 6 * STEPS + 50
    assert refused["reason"] == "the optimizer is created in a library" and refused["after"] == []


def test_json_keeps_a_missed_target_as_unknown():
    target = replace(ADAMW.target, interval=(0.4, inf), missed=3)
    [choice] = json.loads(RENDERERS["json"](replace(SWITCH, ranked=(replace(ADAMW, target=target),))))["choices"]
    assert choice["to_target"]["steps_ratio"] == [0.4, None] and choice["to_target"]["missed"] == 3


def test_a_best_value_at_the_edge_is_remarked_next_to_the_notes():
    edge = replace(ADAMW, tuned=replace(ADAMW.tuned, at_edge=("lr",)))
    result = replace(SWITCH, ranked=(edge,), notes=("the loop sets the momentum, so it is not varied",))
    texts = [RENDERERS[format](result) for format in ("agent", "markdown")]
    for text in (*texts, render_choice_page(result), plain_text(render_choice_console(result), 400)):
        assert "best lr of AdamW, 0.003, is at the edge of the values" in text and "sets the momentum" in text
    assert json.loads(RENDERERS["json"](result))["choices"][0]["at_edge"] == ["lr"]


def test_annotations_are_errors_for_problems_only():
    assert RENDERERS["github"](SWITCH).startswith("::notice title=descend compare%3A another choice is better::Use")
    verdict, problem = RENDERERS["github"](RESULTS["faulty"]).splitlines()
    assert verdict.startswith("::error") and problem.startswith("::error title=descend%3A no_zero_grad::")


def test_the_page_has_the_three_figures_the_table_and_the_patch():
    page = render_choice_page(SWITCH)
    assert page.count("<figure") == 3 and page.count("<desc") == 3 and "+optimizer = AdamW(lr=0.003)" in page
    assert 'data-name="test accuracy">0.96<' in page and '<tr class="winner">' in page
    label = "<script>alert(1)</script>"
    choice = replace(ADAMW.tuned.choice, label=label)
    hostile = replace(ADAMW, tuned=replace(ADAMW.tuned, choice=choice))
    assert "<script>alert(1)" not in render_choice_page(replace(SWITCH, ranked=(hostile,), winner=hostile))


@every_result
def test_each_result_has_a_page(name):
    page = render_choice_page(RESULTS[name])
    assert ("Gradients are never cleared" in page) == (name == "faulty")
    assert ("<figure" in page) == any(row.result and row.result.after for row in RESULTS[name].ranked)


def test_runs_of_the_search_that_were_stopped_early_are_rings_and_failed_ones_are_counted():
    _, sensitivity, _ = choice_figures(SWITCH)
    [panel] = sensitivity.panels
    rings = [trace for trace in panel.traces if trace["marker"]["symbol"] == "circle-open"]
    assert all(trace["y"] == pytest.approx([0.25]) for trace in rings) and len(rings) == 3
    assert [key.label for key in panel.keys if key.style == "ring"] == ["stopped early"]
    assert any(key.label == "AdamW: 1 run without a finite cost, at learning rate 1" for key in panel.keys)
    assert "50\u00a0% for AdamW" in sensitivity.caption  # the regret after half of its runs


def test_the_chosen_rates_are_large_dots_and_the_current_one_is_a_dashed_line():
    [panel] = choice_figures(SWITCH)[1].panels
    assert [trace["x"] for trace in panel.traces if trace["marker"]["size"] > 10] == [[0.003], [0.03], [3e-4]]
    [current] = panel.shapes
    assert (current["x0"], current["x1"]) == (0.1, 0.1) and panel.keys[-1].label == "current setting: 0.1"


def test_the_loss_is_drawn_if_the_metric_is_logged_only_once():
    def once(run):
        return replace(run, curve=Series((STEPS,), (run.value,)))

    def logged_once(row):
        change = replace(
            row.result, before=tuple(map(once, row.result.before)), after=tuple(map(once, row.result.after))
        )
        return replace(row, result=change)

    result = replace(SWITCH, ranked=tuple(map(logged_once, (ADAMW, LION))), winner=logged_once(ADAMW))
    first, *others = choice_figures(result)
    [panel] = first.panels
    assert panel.title == "Training loss" and not panel.shapes and len(others) == 1  # no exchange rate
    assert all(len(trace["x"]) == STEPS // 4 for trace in panel.traces)
    assert "The script logs test accuracy only once. The loss is averaged over about 4 steps." in first.caption


def test_steps_to_a_value_of_a_current_setting_that_does_not_learn_are_not_drawn():
    record = baseline_of()
    record.add(Reading("metric", "negative_log_likelihood", 0, 2.3))
    record.add(Reading("metric", "negative_log_likelihood", 200, 2.29))
    assert len(choice_figures(replace(SWITCH, baseline=record))) == 2


def test_a_search_that_would_have_found_as_good_a_rate_with_half_of_its_runs_is_not_remarked():
    early = replace(ADAMW, working=replace(ADAMW.working, regret=(0.5, 0.001, 0.0)))
    assert "half as many" not in choice_figures(replace(SWITCH, ranked=(early,)))[1].caption


def test_the_recommended_choice_is_drawn_even_if_there_are_many_others():
    others = tuple(
        replace(LION, tuned=replace(LION.tuned, choice=replace(LION.tuned.choice, label=f"choice {i}")))
        for i in range(MOST_DRAWN)
    )
    for figure in choice_figures(replace(SWITCH, ranked=(*others, ADAMW))):
        assert "1 more choice is in the table only" in figure.caption
        assert any(key.label == "AdamW" and key.tone == "cure" for key in figure.panels[0].keys)


def test_a_choice_that_is_twice_as_fast_needs_half_the_steps():
    points = relative_steps(OWN_RUNS, tuple(run_of(run.seed, run.value, 2.0) for run in OWN_RUNS), METRIC)
    assert len(points) > 10 and all(ratio == pytest.approx(0.5, abs=0.07) for _, ratio in points)
    values = [value for value, _ in points]
    assert values == sorted(values) and values[-1] <= 0.9


def test_values_that_most_seeds_never_reach_have_no_relative_steps():
    worse = tuple(run_of(run.seed, 0.6 if run.seed < 4 else 0.95) for run in OWN_RUNS)
    assert max(value for value, _ in relative_steps(OWN_RUNS, worse, METRIC)) <= 0.6
    assert relative_steps(OWN_RUNS, tuple(run_of(run.seed, 0.1) for run in OWN_RUNS), METRIC) == []


def test_a_patch_of_an_earlier_comparison_is_deleted_if_nothing_is_recommended_any_more(tmp_path):
    store = SimpleNamespace(folder=tmp_path, folder_of=lambda run: tmp_path / str(run))
    assert choice_patches.store_choices(SWITCH, store) == ""
    assert (tmp_path / "7" / "compare.diff").read_text() == PATCH
    assert choice_patches.store_choices(UNDECIDED, store) == ""
    assert sorted(file.name for file in (tmp_path / "7").iterdir()) == ["compare.html", "compare.json"]


def test_a_failure_to_store_is_one_line_and_no_path_is_shown(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(choice_patches, "store_choices", lambda result, store: "the disk is full")
    command._finish(SWITCH, SimpleNamespace(folder=tmp_path, failure=""), "text")
    printed = capsys.readouterr()
    assert "compare.html" not in printed.out and "the disk is full" in printed.err


def test_apply_says_how_to_apply_the_choice_of_a_comparison(tmp_path):
    case = SimpleNamespace(record=SimpleNamespace(run=7), streamed=False, fix=None)
    (tmp_path / "7").mkdir()
    with pytest.raises(UsageError, match="no proved patch, so nothing was written$"):
        _write_patch(case, tmp_path)
    (tmp_path / "7" / "compare.diff").write_text(PATCH)
    with pytest.raises(UsageError, match="patch -p0 < .*compare.diff$"):
        _write_patch(case, tmp_path)


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1280, "light")])
def test_the_page_fits_a_phone_and_fetches_nothing(chromium, tmp_path, width, scheme):
    path = tmp_path / "compare.html"
    path.write_text(render_choice_page(SWITCH))
    context = chromium.new_context(offline=True, color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    errors = []
    page.on("console", lambda message: errors.append(message.text))
    page.goto(path.as_uri())
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    drawn = page.evaluate(
        "[...document.querySelectorAll('svg.chart-area')].map((svg) => svg.querySelectorAll('circle').length)"
    )
    visible = page.is_visible(".choices thead")
    context.close()
    assert overflow <= 0 and not errors and len(drawn) == 3 and all(drawn) and visible == (width > 544)
