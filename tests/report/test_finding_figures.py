"""The figures of the findings, as data for Plotly."""

import json
import math
from dataclasses import replace

import pytest
from cases import (
    FINDINGS,
    dead_units,
    inputs_not_normalised,
    inputs_of,
    instability,
    output_loss_mismatch,
    record_of,
    symmetric_units,
    trial_runs,
    vanishing_gradients,
)
from endings import healthy
from odd_cases import not_a_number

from descend.doctor.record import Fact, Reading, Record, Series, facts
from descend.doctor.report.figure import MOST_POINTS, Figure, Panel, line, thin_out, value_axis
from descend.doctor.report.finding_figures import FIGURES, finding_figure
from descend.doctor.report.input_figure import MOST_FEATURES, read_features, select_features
from descend.doctor.report.loss_figure import loss_curve
from descend.doctor.report.proof_figure import decisive_trial, mean_curve, proof_figure
from descend.doctor.report.stability_figure import times_learning_rate


def drawn(case):
    return finding_figure(case.record, case.findings[0])


@pytest.mark.parametrize("name", [*FINDINGS, "not_a_number"])
def test_every_figure_is_plain_json_without_nan(name, tmp_path):
    figure = drawn((FINDINGS | {"not_a_number": not_a_number})[name](tmp_path))
    assert json.loads(json.dumps(figure.plots(), allow_nan=False)) == figure.plots()
    assert figure.caption


@pytest.mark.parametrize("id", [*FIGURES, "anything_else"])
def test_a_symptom_without_measurements_has_no_figure(id, tmp_path):
    finding = replace(dead_units(tmp_path).findings[0], id=id)
    assert finding_figure(Record(), finding) is None


def test_instability_shows_the_loss_and_curvature_times_learning_rate(tmp_path):
    above, below = drawn(instability(tmp_path)).panels
    assert above.title == "Training loss"
    assert above.y["type"] == "log"  # thirty decades
    assert [key.label for key in above.keys] == ["NaN from step 40"]
    curve = below.traces[-1]
    assert curve["y"] == [0.5 * (4.0 + step) for step in range(0, 40, 5)]
    assert [shape["y0"] for shape in below.shapes] == [2.0]
    assert "stability limit 2" in [key.label for key in below.keys]
    spread = below.traces[0]
    assert max(spread["y"]) == pytest.approx(0.5 * 1.3 * 39)


def test_lagging_statistics_shows_two_losses_on_the_same_examples(tmp_path):
    record, evidence = Record(), []
    for name, costs in (("metric", (2.0, 1.5)), ("metric_in_training_mode", (2.0, 0.1))):
        evidence.append((name, "negative_log_likelihood"))
        for step, cost in enumerate(costs):
            record.add(Reading(*evidence[-1], step, cost))
    finding = replace(dead_units(tmp_path).findings[0], id="lagging_statistics", evidence=tuple(evidence))
    [panel] = finding_figure(record, finding).panels
    assert [trace["y"] for trace in panel.traces] == [[2.0, 1.5], [2.0, 0.1]]
    assert [key.label for key in panel.keys] == ["evaluation mode", "training mode"]


def test_a_single_point_is_drawn_at_the_last_step():
    [plot] = Figure((Panel("a", (line(Series((400,), (0.5,)), "cause", "a"),)),), "").plots()
    assert plot["layout"]["xaxis"]["range"] == [-6.0, 406.0]


def test_panels_over_the_steps_share_the_range_of_steps(tmp_path):
    above, below = drawn(instability(tmp_path)).plots()
    assert above["layout"]["xaxis"]["range"] == below["layout"]["xaxis"]["range"]


def test_adam_is_drawn_with_the_preconditioned_curvature(tmp_path):
    case = instability(tmp_path)
    case.record.add(Reading("preconditioned_curvature", "0", 0, 7.0))
    finding = replace(case.findings[0], evidence=())
    below = finding_figure(case.record, finding).panels[-1]
    assert below.traces[-1]["y"] == [3.5]
    assert "preconditioned" in below.title
    asked = replace(finding, evidence=(("curvature", "0"),))
    assert len(finding_figure(case.record, asked).panels[-1].traces[-1]["y"]) == 8


def test_curvature_is_multiplied_by_the_learning_rate_set_last():
    curvature = Series((0, 10, 20, 30), (1.0, 1.0, 1.0, 1.0))
    rate = Series((5, 20), (0.5, 0.1))
    assert times_learning_rate(curvature, rate).values == (0.5, 0.5, 0.1, 0.1)
    assert len(times_learning_rate(curvature, Series())) == 0


def test_features_show_mean_deviation_and_the_standardised_range(tmp_path):
    features, curvature = drawn(inputs_not_normalised(tmp_path)).panels
    bars, means = features.traces
    assert len(means["x"]) == 30
    assert "654.9" in means["hovertext"][3]
    assert features.shapes[0]["y0"] == -features.shapes[0]["y1"] == pytest.approx(math.asinh(-1))
    assert "0" in features.y["ticktext"] and "100" in features.y["ticktext"]
    raw, standardised = curvature.traces
    assert raw["y"][0] == pytest.approx(0.5 * 410)
    assert max(standardised["y"]) < 1
    assert [shape["y0"] for shape in curvature.shapes] == [2.0] and curvature.keys[-1].label == "stability limit 2"


def test_a_limit_is_drawn_only_with_the_curvature_that_it_limits(tmp_path):
    case = inputs_not_normalised(tmp_path)
    case.record.add(Fact.of(facts.Optimizer("Adam", groups=1, parameters=1000, lr=0.5), 1, "0"))
    assert drawn(case).panels[1].shapes == () and "bound" not in drawn(case).caption


def test_the_caption_reports_a_curve_that_ends_early(tmp_path):
    case = inputs_not_normalised(tmp_path)
    assert "measured up to" not in drawn(case).caption
    case.record.add(Reading("curvature", "0", 299, 2.0))
    assert drawn(case).caption.endswith("The curve for standardised inputs ends at step 280.")


def test_a_narrow_range_of_features_has_a_linear_axis(tmp_path):
    case = inputs_not_normalised(tmp_path)
    case.record.add(Fact.of(inputs_of([0.0, 3.0], [1.0, 2.0]), 1, "0"))
    panel = drawn(case).panels[0]
    assert panel.traces[0]["y"] == [-1.0, 1.0, None, 1.0, 5.0, None]
    assert "tickvals" not in panel.y


def test_of_thousands_of_features_the_extremes_are_drawn(tmp_path):
    case = inputs_not_normalised(tmp_path)
    std = [1.0] * 3000
    std[1234] = 99.0
    case.record.add(Fact.of(inputs_of([0.0] * 2999 + [math.nan], std), 1, "0"))
    features = read_features(case.record, case.findings[0])
    assert len(features) == 2999
    kept = select_features(features)
    assert len(kept) <= MOST_FEATURES + 2
    assert (1234, 0.0, 99.0) in kept
    assert "of 2\u00a0999 features are drawn" in drawn(case).caption


@pytest.mark.parametrize("mean", [[], [math.nan], [math.inf]])
def test_without_usable_feature_statistics_only_the_curvature_is_drawn(tmp_path, mean):
    case = inputs_not_normalised(tmp_path)
    case.record.add(Fact.of(inputs_of(mean, [1.0]), 1, "0"))
    assert [panel.title for panel in drawn(case).panels] == ["α·λmax"]


def test_the_range_of_the_loss_input_and_the_lowest_loss_are_drawn(tmp_path):
    entering, loss = drawn(output_loss_mismatch(tmp_path)).panels
    assert [trace["y"][0] for trace in entering.traces] == ["values", "row sums"]
    assert "its rows sum to 1." in drawn(output_loss_mismatch(tmp_path)).caption
    assert [shape["y0"] for shape in loss.shapes] == [1.4612]
    assert loss.y["rangemode"] == "tozero"


def test_another_quantity_is_not_drawn_as_the_lowest_loss(tmp_path):
    case = output_loss_mismatch(tmp_path)
    finding = replace(case.findings[0], quantity="row_sum", bound=0.5)
    assert finding_figure(case.record, finding).panels[1].shapes == ()


def test_layers_have_bars_for_the_first_and_the_last_measurement(tmp_path):
    (panel,) = drawn(dead_units(tmp_path)).panels
    first, last = panel.traces
    assert first["y"] == last["y"] == ["encoder.1", "encoder.3", "encoder.5"]
    assert first["x"] == [0.02, 0.3, 0.4]
    assert last["x"] == [0.06, 0.95, 1.0]
    assert panel.shapes[0]["x0"] == panel.shapes[0]["x1"] == 0.5
    assert panel.keys[-1].label == "limit 50\u00a0%"


def test_a_single_measurement_gives_one_bar_for_each_layer(tmp_path):
    (panel,) = drawn(symmetric_units(tmp_path)).panels
    assert len(panel.traces) == 1


def test_of_many_layers_the_worst_are_drawn_with_distinct_names(tmp_path):
    case = dead_units(tmp_path)
    for i in range(50):
        case.record.add(Reading("dead_share", "same.beginning.of.a.long.name." + "x" * i, 0, i / 50))
    figure = drawn(case)
    labels = figure.panels[0].traces[0]["y"]
    assert len(labels) == len(set(labels)) == 24
    assert "24 worst of 53" in figure.caption


def test_a_symptom_without_a_special_figure_shows_its_evidence(tmp_path):
    (panel,) = drawn(vanishing_gradients(tmp_path)).panels
    assert len(panel.traces) == 2
    assert panel.y["type"] == "log"
    assert [key.label for key in panel.keys] == ["layers.0.weight", "layers.9.weight", "limit 0.001"]


def test_the_limit_is_drawn_only_in_the_panel_of_its_quantity(tmp_path):
    finding = replace(
        vanishing_gradients(tmp_path).findings[0],
        evidence=(("loss", "0"), ("accuracy", "")),
        quantity="accuracy",
        bound=0.3,
    )
    loss, accuracy = finding_figure(record_of(tmp_path), finding).panels
    assert not loss.shapes
    assert accuracy.shapes[0]["y0"] == 0.3


def test_an_axis_without_a_value_is_not_labelled(tmp_path):
    plots = drawn(not_a_number(tmp_path)).plots()
    assert [plot["layout"]["yaxis"]["showticklabels"] for plot in plots] == [False, False]


def test_the_loss_curve_of_a_healthy_run(tmp_path):
    (panel,) = loss_curve(healthy(tmp_path).record).panels
    assert [len(trace["x"]) for trace in panel.traces] == [300, 15]
    assert loss_curve(Record()) is None


def test_a_long_series_is_thinned_and_keeps_its_spike():
    values = [1.0] * 100_000
    values[54_321] = 1e6
    steps, kept = thin_out(Series(tuple(range(100_000)), tuple(values)))
    assert len(steps) <= MOST_POINTS
    assert kept[steps.index(54_321)] == 1e6
    assert steps == sorted(steps)


def test_plotly_reads_no_markup_and_no_template_in_a_name():
    name = "<b>a</b> & <a href='x'>%{x}</a>"
    trace = {"y": [name], "name": name, "hovertemplate": "%{y}"}
    (plot,) = Figure((Panel(name, (trace,), x_title=name, y={"ticktext": [name]}, x={"range": [0, 1]}),), "").plots()
    shown = "&lt;b&gt;a&lt;/b&gt; &amp; &lt;a href='x'&gt;% {x}&lt;/a&gt;"
    assert plot["data"] == [{"y": [shown], "name": shown, "hovertemplate": "%{y}"}]
    assert plot["layout"]["xaxis"]["title"]["text"] == shown and plot["layout"]["yaxis"]["ticktext"] == [shown]


def test_a_long_series_keeps_its_gap():
    values = [1.0] * 5000 + [math.nan] * 5000
    _, kept = thin_out(Series(tuple(range(10_000)), tuple(values)))
    assert math.isnan(kept[-1])


@pytest.mark.parametrize(
    ("values", "log"),
    [([1.0, 99.0], False), ([1.0, 101.0], True), ([-1.0, 1e9], False), ([0.0, 1e9], False), ([], False)],
)
def test_the_axis_is_logarithmic_over_more_than_two_decades(values, log):
    assert ("type" in value_axis(values)) == log


def test_the_proof_shows_every_seed_and_the_mean(tmp_path):
    trial = decisive_trial(inputs_not_normalised(tmp_path))
    (panel,) = proof_figure(trial, trial_runs()).panels
    thin_lines = [trace for trace in panel.traces if trace.get("opacity") == 0.35]
    assert len(thin_lines) == 10
    thick = [trace for trace in panel.traces if trace.get("line", {}).get("width") == 3]
    assert len(thick) == 2
    whisker = panel.traces[-1]
    assert whisker["y"] == [0.083]
    assert whisker["error_y"]["array"] == [pytest.approx(0.008)]
    assert "unchanged script: 1 of 5 diverge, from step 260" in [key.label for key in panel.keys]


def test_the_proof_shows_the_evaluation_metric_of_the_trial(tmp_path):
    trial, some = replace(decisive_trial(inputs_not_normalised(tmp_path)), judged_on="held_out"), trial_runs()
    assert proof_figure(trial, some) is None  # the training loss is not the evaluation metric
    for record in some.values():
        record.add(Reading("evaluation_loss", "", 100, 0.5))
    (panel,) = proof_figure(trial, some).panels
    assert panel.title == "Loss on the script's own held-out data" and panel.traces[0]["y"] == [0.5]


def test_the_mean_over_seeds_is_nan_where_one_seed_is_nan():
    curves = [Series((0, 1, 2), (1.0, 2.0, 3.0)), Series((0, 1), (3.0, math.nan))]
    mean = mean_curve(curves)
    assert mean.steps == (0, 1)
    assert mean.values[0] == 2.0
    assert math.isnan(mean.values[1])


def test_trial_runs_without_records_are_left_out(tmp_path):
    trial = decisive_trial(inputs_not_normalised(tmp_path))
    some = {run: record for run, record in trial_runs().items() if run in (101, 201, 202)}
    (panel,) = proof_figure(trial, some).panels
    assert len([trace for trace in panel.traces if trace.get("opacity") == 0.35]) == 3
    assert proof_figure(trial, {}) is None
    assert proof_figure(trial, {101: Record()}) is None
