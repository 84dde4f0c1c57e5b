"""The tables of trials: one for each metric, each with its own axis."""

from dataclasses import replace
from pathlib import Path

import pytest
from cases import METRIC, altered, inputs_not_normalised

from descend.doctor.report.patches import patches
from descend.doctor.report.trial_table import shared_metric, table_legend, trial_tables, unjudged_trials
from descend.doctor.report.verdict import change_message, verdict
from descend.doctor.trials.trial import Trial

OWN = "1 − 'test acc'"


@pytest.fixture
def trials(tmp_path: Path) -> list[Trial]:
    proved, helps, little, failed = inputs_not_normalised(tmp_path).trials
    by_number = replace(helps, quantity=OWN, metric=f"{OWN}, as printed by the script", before=0.8, after=0.1)
    return [proved, by_number, little, failed]


def test_each_metric_has_its_own_table(trials):
    assert shared_metric(trials) == METRIC
    tables = trial_tables(trials)
    assert [table.metric for table in tables] == [METRIC, OWN]
    assert [[row.label for row in table.rows] for table in tables] == [
        ["standardise inputs", "Adam"],
        ["learning rate 0.5 → 0.09"],
    ]


def test_an_edit_without_a_result_is_in_no_table_of_a_metric(trials):
    [failed] = unjudged_trials(trials)
    assert failed.label == "batch normalisation" and failed.reason == "the model is built in a library"


def test_numbers_of_two_metrics_are_on_two_axes(trials):
    (proved, little), (by_number,) = (table.rows for table in trial_tables(trials))
    assert proved.whisker.before == pytest.approx(little.whisker.before)
    assert by_number.whisker.before == rows([trials[1]])[0].whisker.before != proved.whisker.before


def rows(trials):
    """Return the rows of trials that have the same metric."""
    [table] = trial_tables(trials)
    return table.rows


def test_an_unusual_minimum_effect_is_printed(trials):
    little = trials[2]
    assert table_legend([little]) == "too little: less than 20\u00a0% better or less than 20\u00a0% worse"
    assert table_legend(trials[:2]) == ""
    much = replace(little, least_gain=0.5)
    assert rows([much])[
        0
    ].verdict == "too little (under 50\u00a0%)" and "or less than the percentage in the row" in table_legend([much])


def test_an_excess_names_the_attainable_loss(trials):
    excess = replace(trials[0], quantity="negative log-likelihood", before=0.084, after=0.0404, floor=0.175)
    assert change_message(excess) == "excess over the attainable loss 0.175: 0.084 → 0.0404"
    assert change_message(replace(excess, floor=0.0)) == "negative log-likelihood 0.084 → 0.0404"
    assert change_message(replace(excess, floor=0.0, after=0.08401)) == "negative log-likelihood 0.084 (unchanged)"


def test_the_verdict_and_the_patches_name_the_metric(tmp_path):
    case = inputs_not_normalised(tmp_path)
    cure, tuning = (replace(trial, quantity="negative log-likelihood") for trial in case.trials[:2])
    case = altered(case, trials=(cure, tuning), fix=cure, tuning=tuning)
    assert "negative log-likelihood 2.301 → 0.083 on 5 seeds" in verdict(case)
    assert [patch.sentence.count("negative log-likelihood") for patch in patches(case)] == [1, 1]


@pytest.mark.parametrize(
    ("verdict_id", "after", "said"),
    [
        ("helps", 1.0, "a gain on one seed, which is not a proof: 2.301 → 1"),
        ("no_effect", 2.2, "too small a gain: 2.301 → 2.2"),
        ("no_effect", 2.4, "no gain: 2.301 → 2.4"),
    ],
)
def test_an_unproved_patch_reports_the_result_of_its_trial(tmp_path, verdict_id, after, said):
    case = inputs_not_normalised(tmp_path)
    shown = replace(case.trials[0], verdict=verdict_id, after=after)
    [patch] = patches(altered(case, fix=None, trials=(shown,)))
    assert patch.kind == "not_proved" and said in patch.sentence
