"""Figures and tables of gradient statistics, from a record with known values."""

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from descend.doctor.record import Fact, Record, facts
from descend.lab.pages.batch_size_figures import batch_size_figures
from descend.lab.pages.gradient_figures import gradient_figures, gradient_remarks, measured_points
from descend.lab.pages.table import Table
from descend.landscape.batch_sizes import Run

SIZES = [1, 2, 4, 8]
NOISE = facts.GradientNoise(  # a noise scale of 16 with an error of about a tenth
    squared=4.0,
    variance=64.0,
    covariance=(16.0, 0.0, 0.01),
    count=101,
    examples=1,
    why="",
    batch_size=4,
    loader="0",
    parameters=10,
    loss=0.5,
    optimizer={"class": "SGD", "lr": 0.1},
)


def record(*extra: Any, **noise: Any) -> Record:
    """|G|² = 4 and tr Σ = 64."""
    made = Record(script="train.py")
    made.extend(Fact.of(said, 0, "first") for said in (replace(NOISE, **noise), *extra))
    return made


def variance() -> facts.BatchVariance:
    return facts.BatchVariance(
        sizes=tuple(SIZES),
        variances=tuple(facts.Estimate(64.0 / s, 1.0 / s, 399) for s in SIZES),
        factors=tuple((100 - s) / 99 for s in SIZES),
        single=64.0,
        population=100,
        exponent=facts.Estimate(-1.01, 0.02, 1000),
    )


def test_the_noise_scale_has_its_interval_and_the_batch_its_error() -> None:
    [looked] = measured_points(record())
    value, low, high = looked.noise_scale
    assert value == 16 and 13 < low < 16 < high < 19
    [table] = gradient_figures(record())
    assert isinstance(table, Table)
    [row] = table.rows
    assert row[:5] == ("first", "0", "0.5", "2", "2 of |G|")  # √(64 / 4) = 4, of 2
    assert row[5].startswith("16 [") and "101 single examples" in table.caption


def test_the_noise_scale_of_a_gradient_within_its_noise_is_infinite() -> None:
    [looked] = measured_points(record(squared=0.1, covariance=(16.0, 0.0, 1.0)))
    assert looked.noise_scale[2] == inf
    [table] = gradient_figures(record(squared=-0.1, covariance=(16.0, 0.0, 1.0)))
    assert isinstance(table, Table) and table.rows[0][4] == "above |G|" and "∞" in table.rows[0][5]


def test_the_reason_for_measuring_batches_is_printed() -> None:
    [table] = gradient_figures(record(examples=8, count=9, why="normalisation mixes them"))
    assert isinstance(table, Table)
    assert "9 batches of 8 examples, because normalisation mixes them." in table.caption


def test_the_variance_is_drawn_against_both_predictions() -> None:
    _, figure = gradient_figures(record(variance()))
    [plot] = figure.plots()
    alone, dealt, measured = plot["data"]
    assert plot["layout"]["xaxis"]["type"] == plot["layout"]["yaxis"]["type"] == "log"
    assert alone["y"] == [64.0, 32.0, 16.0, 8.0] and measured["x"] == SIZES
    assert dealt["y"] == pytest.approx([64 / s * (100 - s) / 99 for s in SIZES])
    assert measured["error_y"]["array"] == pytest.approx([1.966 / s for s in SIZES], rel=1e-3)
    assert "−1.01 [−1.049, −0.971]" in figure.caption


def test_a_bias_and_an_untested_point_are_reported() -> None:
    found = facts.GradientBias(0.5, 0.2, 0.001, along=facts.Estimate(1.4, 0.1, 15), examples=1000)
    _, table = gradient_figures(record(found))
    assert isinstance(table, Table)
    assert table.rows[0][1:] == ("0.5", "0.2", "1.4 [1.187, 1.613]", "0.001", "biased")
    assert table.caption.startswith("Gradients of the next 16 loader batches")
    untested = record(facts.BiasUntested("a stream"))
    _, other = gradient_figures(untested)
    assert isinstance(other, Table) and other.rows[0][5] == "not tested"
    assert gradient_remarks(untested) == ["batch gradients were not tested for bias at the first weights: a stream"]
    assert other.caption.endswith("not tested for bias at the first weights: a stream.")


def test_momentum_and_learning_rates_are_drawn() -> None:
    independent, dealt = facts.Estimate(0.5, 0.01, 99), facts.Estimate(0.2, 0.01, 99)
    averages = tuple(facts.AveragedGradient(b, (1 - b) / (1 + b), independent, dealt) for b in (0.0, 0.9))
    runs = facts.WeightVariance(
        rates=(0.1, 0.05),
        variances=(facts.Estimate(2.0, 0.1, 11), facts.Estimate(1.0, 0.1, 11)),
        predicted=(2.2, 1.1),
        steps=8,
        runs=12,
        exponent=facts.Estimate(0.95, 0.1, 22),
    )
    _, averaged, spread = gradient_figures(record(facts.MomentumVariance(averages), runs))
    alone, shuffled, predicted = averaged.plots()[0]["data"]
    assert predicted["x"] == ["β = 0", "β = 0.9"] and predicted["y"] == pytest.approx([1, 0.1 / 1.9])
    assert alone["y"] == [0.5, 0.5] and shuffled["y"] == [0.2, 0.2]
    assert spread.plots()[0]["data"][0]["y"] == [2.2, 1.1] and "0.95 [0.743, 1.157]" in spread.caption


def test_without_measurements_nothing_is_drawn() -> None:
    assert gradient_figures(Record()) == []


def run(size: int) -> Run:
    steps = 50 * (1 + 40 / size)
    return Run(size, 0.0, steps, steps * (1e-3 + 1e-5 * size), 1e-3 + 1e-5 * size, 1e4 * size)


def test_batch_sizes_are_compared_with_the_critical_size() -> None:
    table, curve, figure = batch_size_figures([run(4), run(32), run(256)], 0.25, 30.0)
    assert isinstance(table, Table) and isinstance(curve, Table)
    assert (
        table.rows[1] == ("32", "0.968", "112.5", "3\N{NO-BREAK SPACE}600", "1.32 ms", "0.148 s", "0.32 MB")
        and "0.25" in table.caption
    )
    assert [row[1].split(" ")[0] for row in curve.rows] == ["50", "40", "100", "63.25"]
    steps, seconds = figure.plots()
    assert steps["data"][1]["y"] == pytest.approx([550, 112.5, 57.8125])
    assert steps["layout"]["shapes"][0]["x0"] == pytest.approx(40)
    assert seconds["layout"]["shapes"][0]["x0"] == pytest.approx(100)


def test_a_fit_outside_the_measured_sizes_is_reported_as_a_bound() -> None:
    _, curve, figure = batch_size_figures([run(64), run(256), run(1024)], 0.25, 30.0)
    assert isinstance(curve, Table)
    assert curve.rows[1][1].startswith("below 64 [") and curve.rows[2][1] == "100"
    steps, _ = figure.plots()
    assert steps["layout"]["shapes"] == []
    growing = [Run(s, 0.0, 50 + 2000 / s, 1.0, 1e-6 * s**1.5) for s in (4, 16, 64, 256)]
    _, curve, _ = batch_size_figures(growing, 0.25, 30.0)
    assert isinstance(curve, Table) and [row[1] for row in curve.rows[2:]] == ["below 4", "below 4"]


def test_without_reached_targets_only_the_table_is_shown() -> None:
    [table] = batch_size_figures([run(4), run(32), Run(256, 0.0, inf, inf, 2e-3)], 0.25, 30.0)
    assert isinstance(table, Table) and table.rows[2][2] == "not reached" and table.rows[2][6] == "not known"
