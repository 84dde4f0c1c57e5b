"""The reports on changes: sentences, exit statuses and formats, from results that are made by hand."""

import json
from dataclasses import replace

import pytest

from descend.doctor.prove.judgement import ChangeVerdict
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.result import ChangeResult, ComparedRun, Expectation, ProveResult
from descend.doctor.record import Ending, Record, Series
from descend.doctor.report.change_formats import RENDERERS
from descend.doctor.report.change_page import render_change_page
from descend.doctor.report.change_verdict import prove_verdict

DIFF = "--- train.py\n+++ train.py\n@@ -1 +1 @@\n-lr = 0.1\n+lr = 0.3\n"


def run_of(seed: int, value: float, step_s: float = 0.01) -> ComparedRun:
    return ComparedRun(100 + seed, seed, value, value, 50, step_s, 400_000_000, Series((10, 50), (2 * value, value)))


HELPS = ChangeResult(
    "lr=0.3",
    DIFF,
    ChangeVerdict.HELPS,
    difference=(-0.4, -0.2),
    is_no_worse=True,
    before=tuple(run_of(seed, 1.0) for seed in range(3)),
    after=tuple(run_of(seed, 0.7, 0.02) for seed in range(3)),
)
RESULT = ProveResult(
    replace(Record(run=1, script="train.py"), ending=Ending("finished", 0, 50)),
    ComparedMetric("held_out", "held-out loss", "held-out loss on the script's own held-out data after 50 steps"),
    (HELPS,),
    margin=0.1,
    runs=8,
    total_s=12.0,
)


def with_verdict(verdict: ChangeVerdict, **values) -> ProveResult:
    return replace(RESULT, changes=(replace(HELPS, verdict=verdict, **values),))


STATUSES = [
    (ChangeVerdict.HELPS, {}, 0, 0),
    (ChangeVerdict.HARMS, {}, 1, 1),
    (ChangeVerdict.EQUIVALENT, {}, 0, 1),
    (ChangeVerdict.NO_EFFECT, {"reason": "identical"}, 0, 1),
    (ChangeVerdict.FAILS, {"reason": "the changed script fails: KeyError"}, 1, 1),
    (ChangeVerdict.NOT_COMPARABLE, {"reason": "other targets"}, 3, 3),
    (ChangeVerdict.UNDECIDED, {"is_no_worse": False, "more_seeds": 7}, 3, 3),
    (ChangeVerdict.UNDECIDED, {"is_no_worse": True, "more_seeds": 7}, 0, 3),
]


@pytest.mark.parametrize(("verdict", "values", "no_worse", "better"), STATUSES)
def test_the_exit_status_follows_from_the_verdict_and_the_expectation(verdict, values, no_worse, better):
    result = with_verdict(verdict, **values)
    assert replace(result, expected=Expectation.NO_WORSE).exit_status == no_worse
    assert replace(result, expected=Expectation.BETTER).exit_status == better


def test_one_change_that_is_not_as_expected_decides_about_several():
    changes = (HELPS, replace(HELPS, verdict=ChangeVerdict.NOT_COMPARABLE), replace(HELPS, verdict=ChangeVerdict.HARMS))
    assert replace(RESULT, changes=changes).exit_status == 1
    assert replace(RESULT, changes=changes[:2]).exit_status == 3


def test_the_verdict_names_difference_and_seeds():
    assert prove_verdict(RESULT) == "lr=0.3 helps: held-out loss is down 20–40\u00a0% (95\u00a0% interval, 3 seeds)"


def test_an_undecided_verdict_says_how_many_seeds_would_decide():
    result = with_verdict(ChangeVerdict.UNDECIDED, difference=(-0.3, 0.2), is_no_worse=False, more_seeds=7)
    text = prove_verdict(result)
    assert text.startswith("undecided whether lr=0.3 helps: held-out loss is between 20")
    assert text.endswith("; about 7 more seeds would decide")


def test_a_single_pair_of_runs_is_named():
    result = with_verdict(ChangeVerdict.UNDECIDED, before=HELPS.before[:1], after=HELPS.after[:1])
    single = replace(result.changes[0], difference=(float("nan"), float("nan")))
    assert "only 1 pair of runs could be compared" in prove_verdict(replace(result, changes=(single,)))


@pytest.mark.parametrize("format", RENDERERS)
@pytest.mark.parametrize(("verdict", "values", "no_worse", "better"), STATUSES)
def test_each_format_shows_each_verdict(format, verdict, values, no_worse, better):
    text = RENDERERS[format](with_verdict(verdict, **values))
    assert "lr=0.3" in text or "lr\\=0.3" in text
    assert "nan" not in text.lower().replace("finance", "")


def test_json_has_the_runs_in_pairs():
    [change] = json.loads(RENDERERS["json"](RESULT))["changes"]
    assert [run["seed"] for run in change["before"]] == [run["seed"] for run in change["after"]] == [0, 1, 2]
    assert change["time_per_step_ratio"] == pytest.approx([2.0, 2.0])


def test_the_page_shows_curves_and_diff_and_escapes_the_label():
    harmful = replace(HELPS, label="<script>alert(1)</script>", verdict=ChangeVerdict.HARMS, needed=HELPS)
    page = render_change_page(replace(RESULT, changes=(harmful,)))
    assert "The change harms" in page and "<script>alert(1)" not in page
    assert page.count("<figure") == 1 and "+lr = 0.3" in page and "The part that is needed" in page
    assert "10 ms → 20 ms" in page


def test_the_page_shows_the_loss_if_the_metric_is_logged_only_once():
    losses = Series(tuple(range(50)), tuple(1 / (1 + step) for step in range(50)))
    once = {side: tuple(replace(run, curve=Series((50,), (run.value,)), loss=losses) for run in getattr(HELPS, side))
            for side in ("before", "after")}  # fmt: skip
    page = render_change_page(with_verdict(ChangeVerdict.HELPS, **once))
    assert "Training loss over the optimizer steps" in page and "logs held-out loss only once" in page
    assert "Training loss over" not in render_change_page(RESULT)


def test_a_failed_script_is_reported_without_changes():
    record = replace(Record(script="train.py"), ending=Ending("failed", 1, 0, error="ValueError: no data\n"))
    result = ProveResult(record, None)
    assert result.exit_status == 4 and "ValueError: no data" in prove_verdict(result)
    assert "The script failed" in render_change_page(result)
