"""Logged metrics as a cost, whether a run fails according to them, and the findings that use them."""

from math import inf, nan

import pytest
from records import STEPS, change, healthy, observe, set_series
from sick_metric import (
    SHARE,
    barred_within,
    blocked_signal,
    crossing,
    disordered_in_evaluation,
    evaluated_in_training_mode,
    evaluated_on_other_inputs,
    forgetful_step,
    optimisation,
    printing,
    unbalanced_terms,
    unbounded_loss,
    unreadable,
    weights_changed,
    wrong_metric,
    wrong_objective,
    wrong_step,
)
from sick_runs import look, named, neighbours

from descend.doctor.assess.logged_metric import is_at_chance, is_measured_by_loss, main_metric, needs_untrained_values
from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.summary import summarise
from descend.doctor.catalog.diagnosis import detect
from descend.doctor.record import Reading, facts

SHOWN = [  # run, changes to it, is it certain?, line, part of the sentence
    (wrong_objective, {}, True, 22, "'test accuracy' ends"),
    (wrong_objective, {"values": (0.12, 0.11)}, False, 22, "little better than the 0.1"),
    (wrong_objective, {"values": (0.12, 0.4)}, False, 22, "still near the 0.1"),
    (wrong_objective, {"name": "rmse", "values": (2.0, 2.0), "untrained": 1.9, "rises": False}, True, 22, "no better"),
    (wrong_objective, {"name": "mean reward", "values": (-5.0,), "untrained": -4.8}, True, 22, "ends at -5"),
    (wrong_objective, {"beside": 0.9}, False, 22, "still near the 0.1"),
    (wrong_objective, {"beside": 0.1}, True, 22, "is optimising something other than this metric"),
    (wrong_step, {}, True, 26, "cosine of -1 with the gradient of the loss, and 1 times its norm"),
    (forgetful_step, {}, False, 29, "discards the optimizer's state"),
    (wrong_step, {"cosine": 0.6}, False, 26, "cosine of 0.6"),
    (wrong_step, {"cosine": -0.2, "left": 0.5}, False, 26, "cosine of -0.2"),  # The run learns nevertheless.
    (weights_changed, {}, False, 28, "2.5 times as much as a step does"),
    (weights_changed, {"gradient": True}, False, 28, "2.5 times as much"),
    (weights_changed, {"gradient": True, "between": 0.1}, False, 26, "cosine of 0.6"),
    (unreadable, {"left": 0.01, "accuracy": 0.7}, False, 19, "the network cannot recover it"),
    (optimisation, {}, False, 10, "the run does not learn its task, and no specific problem"),
    (optimisation, {"name": "mean reward", "values": (1.0, 9.0), "untrained": -2.0}, False, 10, "'mean reward' at 9"),
    (optimisation, {"values": (0.5, 0.7)}, False, 10, "'test accuracy' at 0.7"),
    (blocked_signal, {"left": 0.5}, False, 6, "has much left to learn"),
    (blocked_signal, {}, False, 6, "only 0.01 of the gradient norm survives backpropagation through Softmax"),
    (barred_within, {}, False, 7, "no input of Sigmoid brings the loss"),
    (crossing, {}, True, 7, "below 1.5 (best constant output: 2.3)"),
    (crossing, {"left": 0.5}, False, 7, "because of Sigmoid"),
    (unbalanced_terms, {}, False, 20, "the term in line 20 is 0.001 times that of the term in line 21 (limit: 0.1)"),
    (unbalanced_terms, {"accuracy": 0.7, "left": 0.01}, False, 20, "almost no effect"),
    (unbounded_loss, {}, True, 22, "has no lower bound"),
    (unbounded_loss, {"left": 0.5}, False, 22, "has no lower bound"),
    (wrong_objective, {"falls": False}, False, 22, "the training loss does not fall (2.3 throughout)"),
    (evaluated_in_training_mode, {}, False, 31, "drops units, as it does in training, because eval() was not called"),
    (
        evaluated_in_training_mode,
        {"function": "batch_norm"},
        False,
        31,
        "updates the running statistics, because eval()",
    ),
    (evaluated_in_training_mode, {"by_itself": True}, False, 9, "without the argument `training`"),
    (evaluated_on_other_inputs, {}, True, 31, "but 0 and 1 in training; the median feature differs by 5 standard"),
    (
        evaluated_on_other_inputs,
        {"distance": 1e6},
        True,
        31,
        "the median feature is constant in either training or evaluation",
    ),
    (evaluated_on_other_inputs, {"distance": 2.0}, False, 31, "2 standard deviations (limit: 1)"),
    (
        wrong_metric,
        {},
        True,
        31,
        "0.1 for the predictions that the training loss rewards, and 0.1 when each is assigned to another example. So",
    ),
    (wrong_metric, {"right": 0.2, "best": 0.3}, True, 31, "if one of the examples gets a wrong class, it is 0.3"),
    (disordered_in_evaluation, {}, False, 31, "transforms the evaluation inputs before they reach the network"),
    (unreadable, {}, False, 19, "the data before they reach the network"),
]
NOT_SHOWN = {
    wrong_metric: [{"right": 1.0}],
    wrong_objective: [
        {"falls": False, "values": (0.1, 0.4)},
        {"values": (0.1, 0.6)},
        {"untrained": None},
        {"name": "loss", "is_loss": True, "is_held_out": None, "rises": False},
        # The value is the same whatever is learned.
        {"name": "noise rmse", "values": (0.3,), "untrained": 0.3, "rises": False},
        {"late": False},
    ],
    wrong_step: [{"left": 0.01}, {"by": "clip", "cosine": 1.0}],
    weights_changed: [{"left": 0.01}, {"between": 0.0}],
    optimisation: [
        {"left": 0.5},
        {"values": (0.5, 0.9)},
        {"name": "rmse", "values": (1.0, 0.4), "untrained": 1.0, "rises": False},
    ],
    blocked_signal: [{"left": 0.5, "passes": 0.2}, {"left": 0.01}],
    barred_within: [{"left": 0.01}],
    crossing: [{"left": 0.01}, {"before": 0.01}],
    evaluated_in_training_mode: [{"late": False}],
    evaluated_on_other_inputs: [{"distance": 0.9}, {"drift": 1.5}, {"values": (0.1, 0.95)}],
    disordered_in_evaluation: [{"accuracy": 0.95}],
    unbalanced_terms: [{"left": 0.01}, {"left": 0.01, "accuracy": 0.95}],
    unbounded_loss: [{"left": 0.01}, {"unbounded": False}, {"is_compared": False}],
    unreadable: [{"left": 0.01}, {"calls": 0}, {"left": 0.01, "accuracy": 0.95}],
}


@pytest.mark.parametrize(("run", "changes", "is_fact", "line", "said"), SHOWN, ids=named)
def test_a_wrong_metric_or_objective_is_reported(run, changes, is_fact, line, said):
    symptom = look(run, **changes)
    assert symptom is not None and symptom.certain is is_fact and symptom.where.line == line
    assert said in symptom.sentence


@pytest.mark.parametrize(("run", "changes"), neighbours(NOT_SHOWN), ids=named)
def test_similar_runs_are_not_reported(run, changes):
    assert look(run, **changes) is None


@pytest.mark.parametrize(("values", "is_shown"), [((0.95, 0.97), True), ((0.97, 0.95), False)])
def test_an_evaluated_loss_that_also_falls_is_not_reported(values, is_shown):
    record = wrong_objective(name="test loss", values=values, untrained=1.0, rises=False, is_loss=True)
    record.add(Reading("evaluation_loss", "test", STEPS, values[-1]))
    assert (detect("wrong_objective", record) is not None) is is_shown


@pytest.mark.parametrize(("share", "is_shown"), [(1.1, False), (0.4, True)])
def test_a_logged_loss_as_large_as_the_training_loss_is_not_reported(share, is_shown):
    training = healthy().series("loss", "0")
    values = tuple(share * training.at(STEPS * part // 2) for part in (1, 2))
    record = wrong_objective(
        name="test pinball loss", values=values, untrained=1.02 * values[1], rises=False, is_loss=True
    )
    assert (detect("wrong_objective", record) is not None) is is_shown


@pytest.mark.parametrize(
    ("printed", "kind", "value", "cost"),
    [
        ({}, "share", 0.9, 0.1),
        ({"values": (12.0, 87.0)}, "share", 87.0, 13.0),  # The values are percentages.
        ({"name": "R² on test data", "values": (-8.0, 0.3)}, "share", -8.0, 9.0),
        ({"name": "val rmse", "rises": False, "values": (3.0, 2.0)}, "error", 2.0, 2.0),
        ({"name": "mean reward", "values": (-9.0, -2.0), "untrained": -10.0}, "gain", -2.0, 1 / 8),
        # The cost of a gain is at most 1.
        ({"name": "mean reward", "values": (-9.0, -2.0), "untrained": -10.0}, "gain", -30.0, 1.0),
        ({"name": "nll", "rises": False, "values": (2.0, -3.0), "untrained": 5.0}, "gain", -3.0, 1 / 8),
        ({}, "share", nan, inf),
    ],
)
def test_a_logged_metric_is_converted_to_a_cost(printed, kind, value, cost):
    metric = main_metric(printing(**printed))
    assert metric.kind == kind and metric.cost(value) == pytest.approx(cost)


@pytest.mark.parametrize(
    ("name", "evaluates", "may_be"),
    [("test nll", False, True), ("test loss", False, True), ("test mse", False, False), ("test loss", True, False)],
)
def test_a_metric_may_be_a_likelihood(name, evaluates, may_be):
    record = printing(name=name, rises=False, is_loss=True, values=(2.0, 1.0), untrained=3.0)
    if evaluates:
        record.add(Reading("evaluation_loss", "cross_entropy", 200, 1.0))
    assert main_metric(record).may_be_likelihood is may_be


@pytest.mark.parametrize(("with_gradient", "is_read"), [(0, True), (6, False)])
def test_a_metric_at_its_untrained_value_counts_if_nothing_is_trained(with_gradient, is_read):
    record = printing(name="test nll", rises=False, is_loss=True, values=(2.0, 2.0), untrained=2.0)
    change(record, facts.Wiring, "0", with_gradient=with_gradient)
    assert (main_metric(record) is not None) is is_read


@pytest.mark.parametrize(
    ("values", "kind", "rises", "is_bad"),
    [
        ((40.0, 25.0), "error", False, False),
        ((-40.0, -25.0), "gain", True, False),
        # The metric falls because the run is bad; at first it is the negative loss.
        ((-1.0, -3.4), "gain", True, True),
    ],
)
def test_a_metric_with_the_name_of_a_gain_may_be_its_negative(values, kind, rises, is_bad):
    record = printing(name="test elbo", is_loss=True, values=values, untrained=values[0])
    change(record, facts.MetricName, "test elbo", is_share=False)
    metric = main_metric(record)
    assert (metric.kind, metric.rises) == (kind, rises) and summarise(record).fails() is is_bad


def test_a_likelihood_that_the_optimizer_maximises_is_a_gain():
    record = printing(name="test log-likelihood", is_loss=True, values=(-8.0, -6.3), untrained=-8.1)
    change(record, facts.MetricName, "test log-likelihood", is_share=False)
    change(record, facts.Optimizer, "0", maximize=True)
    change(record, facts.Connections, slope=0.0)
    set_series(record, "loss", "0", [-8.1, *[-6.4] * 50])
    metric = main_metric(record)
    assert (metric.kind, metric.rises) == ("gain", True)
    assert metric.cost(-6.3) < metric.cost(-8.0) <= metric.cost(-1e12)


def test_a_metric_without_a_best_value_needs_its_untrained_value():
    assert main_metric(printing(name="mean reward", untrained=None)) is None
    record = printing(name="mean reward", values=(1.0, 9.0), untrained=None)
    assert needs_untrained_values(record) and is_measured_by_loss(record)
    observe(record, facts.SelfSampledLoss("multinomial"))
    assert needs_untrained_values(record) and not is_measured_by_loss(record)


def test_an_unimproved_metric_comes_first():
    """Edits are evaluated by this metric, since the other one is already good."""
    record = printing(name="test error", rises=False, values=(0.9, 0.1), untrained=1.0)
    assert not summarise(record).fails()
    observe(record, SHARE, "auc")
    record.add(Reading("logged_metric", "auc", 200, 0.6))
    assert main_metric(record).name == "test error" and needs_untrained_values(record)
    observe(record, facts.UntrainedMetric(0.5), "auc")
    assert main_metric(record).name == "auc" and summarise(record).fails()


def test_the_most_informative_metric_comes_first():
    record = printing(name="train accuracy", is_held_out=False, untrained=None)
    for name, of in (("test loss", True), ("test accuracy", True)):
        is_share = "acc" in name
        observe(record, facts.MetricName(is_share, is_share, is_loss="loss" in name, is_held_out=of), name)
        record.readings["logged_metric", name] = ([100, 200], [0.5, 0.4])
    assert main_metric(record).name == "test accuracy"


@pytest.mark.parametrize(
    ("values", "are_needed"),
    [((0.12, 0.1), True), ((0.12,), True), ((0.1, 0.6), False), ((0.85,), False), ((0.79,), True)],
)
def test_untrained_values_are_needed_without_signs_of_learning(values, are_needed):
    assert needs_untrained_values(printing(values=values, untrained=None)) is are_needed


def test_a_metric_at_its_untrained_value_is_at_chance():
    at = {value: is_at_chance(r := printing(values=(value,)), main_metric(r)) for value in (0.05, 0.18, 0.2)}
    assert at == {0.05: True, 0.18: True, 0.2: False}
    unknown = printing(untrained=None)
    assert is_at_chance(unknown, main_metric(unknown)) is None


@pytest.mark.parametrize(
    ("printed", "share"),
    [
        ({"values": (0.2, 0.7)}, 0.3 / 0.9),
        ({"values": (0.2, 0.7), "untrained": None}, 0.3),  # as a share of the whole range
        ({"name": "rmse", "rises": False, "values": (2.0, 1.0), "untrained": 4.0}, 0.25),
        ({"name": "mean reward", "values": (1.0, 9.0), "untrained": -1.0}, 0.01),
    ],
)
def test_the_metric_replaces_a_loss_that_does_not_measure_the_task(printed, share):
    record = printing(**printed)
    assert summarise(record).cost_left < 0.01  # according to the loss
    observe(record, facts.SelfSampledLoss("multinomial"))
    name = repr(printed.get("name", "test accuracy"))
    known = printed.get("untrained", 0.1) is not None
    whole = "an untrained network's gap" if known else "the metric's range"
    assert summarise(record).cost_left == pytest.approx(share)
    assert (
        loss_left_message(summarise(record))
        == f"the gap between {name} and its best value is still {share:.0%} of {whole}"
    )
    assert summarise(record).is_stuck("0", share - 0.001) and not summarise(record).is_stuck("0", share + 0.001)


def test_an_error_without_an_untrained_value_measures_nothing():
    record = printing(name="rmse", rises=False, values=(2.0, 1.9), untrained=None)
    before = summarise(record).cost_left
    observe(record, facts.SelfSampledLoss("multinomial"))
    assert summarise(record).cost_left == before


@pytest.mark.parametrize(
    ("printed", "is_it"),
    [((0.9, 0.5, 0.41), True), ((0.9, 0.5, 0.45), False), ((0.41,), False), ((0.4,), True), ((0.1, 0.5, 0.6), False)],
)
def test_a_metric_with_an_unclear_name_is_identified_as_the_evaluated_loss(printed, is_it):
    record = printing(name="val", values=printed, untrained=None, rises=None)
    for step, loss in zip(record.series("logged_metric", "val").steps, (0.9, 0.5, 0.4)[-len(printed) :]):
        record.add(Reading("evaluation_loss", "", step, loss))
    metric = main_metric(record)
    assert (metric is not None) == is_it and (metric is None or metric.kind == "error")
