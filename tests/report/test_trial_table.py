"""A table of trials is headed by one metric; a row of another one names it, and has an axis of its own."""

from dataclasses import replace
from pathlib import Path

import pytest
from cases import METRIC, inputs_not_normalised

from descend.doctor.report.patches import patches
from descend.doctor.report.trial_table import legend, shared_metric, trial_rows
from descend.doctor.report.verdict import change, verdict
from descend.doctor.trials.trial import Trial

OWN = "1 − 'test acc'"


@pytest.fixture
def trials(tmp_path: Path) -> list[Trial]:
    proved, helps, little, failed = inputs_not_normalised(tmp_path).trials
    by_number = replace(helps, quantity=OWN, metric=f"{OWN}, which the script prints itself", before=0.8, after=0.1)
    return [proved, by_number, little, failed]


def test_only_a_row_of_another_metric_names_its_own(trials):
    assert shared_metric(trials) == METRIC
    assert [row.metric for row in trial_rows(trials)] == ["", OWN, "", ""]


def test_numbers_of_two_metrics_are_on_two_axes(trials):
    proved, by_number, little, _ = trial_rows(trials)
    assert proved.whisker.before == pytest.approx(little.whisker.before)
    assert by_number.whisker.before == trial_rows([trials[1]])[0].whisker.before != proved.whisker.before


def test_what_more_than_a_fifth_is_asked_of_says_so(trials):
    little = trials[2]
    assert legend([little]) == "too little: less than 20\u00a0% better, or less than 20\u00a0% worse"
    assert legend(trials[:2]) == ""
    much = replace(little, least_gain=0.5)
    assert trial_rows([much])[0].verdict == "too little (under 50\u00a0%)" and "the share named in the row" in legend(
        [much]
    )


def test_an_excess_names_the_loss_that_it_is_over(trials):
    excess = replace(trials[0], quantity="negative log-likelihood", before=0.084, after=0.0404, floor=0.175)
    assert change(excess) == "excess over the attainable loss 0.175: 0.084 → 0.0404"
    assert change(replace(excess, floor=0.0)) == "negative log-likelihood 0.084 → 0.0404"
    assert change(replace(excess, floor=0.0, after=0.08401)) == "negative log-likelihood 0.084 as before"


def test_the_verdict_and_the_patches_name_the_metric(tmp_path):
    case = inputs_not_normalised(tmp_path)
    cure, tuning = (replace(trial, quantity="negative log-likelihood") for trial in case.trials[:2])
    case = replace(case, trials=(cure, tuning), cure=cure, tuning=tuning)
    assert "negative log-likelihood 2.301 → 0.083 on 5 seeds" in verdict(case)
    assert [patch.sentence.count("negative log-likelihood") for patch in patches(case)] == [1, 1]


@pytest.mark.parametrize(
    ("verdict_id", "after", "said"),
    [
        ("helps", 1.0, "a gain, 2.301 → 1, which is not proved"),
        ("no_effect", 2.2, "too little: 2.301 → 2.2"),
        ("no_effect", 2.4, "no gain: 2.301 → 2.4"),
    ],
)
def test_what_is_not_proved_says_what_its_trial_showed(tmp_path, verdict_id, after, said):
    case = inputs_not_normalised(tmp_path)
    shown = replace(case.trials[0], verdict=verdict_id, after=after)
    [patch] = patches(replace(case, cure=None, trials=(shown,)))
    assert patch.kind == "not_proved" and said in patch.sentence
