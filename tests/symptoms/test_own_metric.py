"""The script's own numbers as a cost, what they say of a run, and the general findings that rest on them."""

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

from descend.doctor.canon import CANON
from descend.doctor.course.own_metric import asks_untrained, is_at_chance, is_told_by_loss, own_metric
from descend.doctor.course.progress import cost_left, is_stuck, loss_left_message
from descend.doctor.course.suffering import suffers
from descend.doctor.record import Reading, facts

SHOWN = [  # run, what is changed, a fact?, the line, what the sentence says
    (wrong_objective, {}, True, 22, "'test accuracy', by which the script itself says how good the network is, ends"),
    (wrong_objective, {"values": (0.12, 0.11)}, False, 22, "hardly better than the 0.1"),
    (wrong_objective, {"values": (0.12, 0.4)}, False, 22, "not so far from the 0.1"),
    (wrong_objective, {"name": "rmse", "values": (2.0, 2.0), "untrained": 1.9, "rises": False}, True, 22, "no better"),
    (wrong_objective, {"name": "mean reward", "values": (-5.0,), "untrained": -4.8}, True, 22, "ends at -5"),
    (wrong_objective, {"beside": 0.9}, False, 22, "not so far from the 0.1"),
    (wrong_objective, {"beside": 0.1}, True, 22, "is another task than what is measured"),
    (wrong_step, {}, True, 26, "cosine of -1 with the loss's gradient, and 1 times its length"),
    (forgetful_step, {}, False, 29, "is thrown away here between the steps"),
    (wrong_step, {"cosine": 0.6}, False, 26, "cosine of 0.6"),
    (wrong_step, {"cosine": -0.2, "left": 0.5}, False, 26, "cosine of -0.2"),  # it learns all the same
    (weights_changed, {}, False, 28, "2.5 times as much as a step moves them"),
    (weights_changed, {"gradient": True}, False, 28, "2.5 times as much"),
    (weights_changed, {"gradient": True, "between": 0.1}, False, 26, "cosine of 0.6"),
    (unreadable, {"left": 0.01, "accuracy": 0.7}, False, 19, "what is lost there"),
    (optimisation, {}, False, 10, "the run does not learn what it is asked, and nothing that has a name"),
    (optimisation, {"name": "mean reward", "values": (1.0, 9.0), "untrained": -2.0}, False, 10, "'mean reward' at 9"),
    (optimisation, {"values": (0.5, 0.7)}, False, 10, "'test accuracy' at 0.7"),
    (blocked_signal, {"left": 0.5}, False, 6, "does not learn so well"),
    (blocked_signal, {}, False, 6, "behind Softmax 0.01 of its length passes it"),
    (barred_within, {}, False, 7, "nothing good enough passes Sigmoid"),
    (crossing, {}, True, 7, "does not fall below 1.5 (one answer for all of them: 2.3)"),
    (crossing, {"left": 0.5}, False, 7, "behind Sigmoid"),
    (unbalanced_terms, {}, False, 20, "one (line 20) is 0.001 of the length of another's (line 21), and it"),
    (unbalanced_terms, {"accuracy": 0.7, "left": 0.01}, False, 20, "hardly heard"),
    (unbounded_loss, {}, True, 22, "has no least value"),
    (unbounded_loss, {"left": 0.5}, False, 22, "has no least value"),
    (wrong_objective, {"falls": False}, False, 22, "the training loss does not fall (2.3 throughout)"),
    (evaluated_in_training_mode, {}, False, 31, "leaves out units as it does in training: eval() was not called"),
    (evaluated_in_training_mode, {"function": "batch_norm"}, False, 31, "moves the running ones: eval()"),
    (evaluated_in_training_mode, {"by_itself": True}, False, 9, "nothing tells it the mode"),
    (evaluated_on_other_inputs, {}, True, 31, "against 0 and 1; the feature in the middle lies 5 standard"),
    (evaluated_on_other_inputs, {"distance": 1e6}, True, 31, "the feature in the middle does not vary on one side"),
    (evaluated_on_other_inputs, {"distance": 2.0}, False, 31, "2 standard deviations off (bound 1)"),
    (wrong_metric, {}, True, 31, "come to 0.1, and to 0.1 where each is given to another example: it"),
    (wrong_metric, {"right": 0.2, "best": 0.3}, True, 31, "for one of the examples it is 0.3"),
    (disordered_in_evaluation, {}, False, 31, "what the network is evaluated on is made into something else first"),
    (unreadable, {}, False, 19, "is made into something else first"),
]
NOT_SHOWN = {
    wrong_metric: [{"right": 1.0}],
    wrong_objective: [
        {"falls": False, "values": (0.1, 0.4)},
        {"values": (0.1, 0.6)},
        {"untrained": None},
        {"name": "loss", "is_loss": True, "is_held_out": None, "rises": False},
        {"name": "noise rmse", "values": (0.3,), "untrained": 0.3, "rises": False},  # the same whatever is learnt
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
def test_what_is_wrong_is_said(run, changes, is_fact, line, said):
    symptom = look(run, **changes)
    assert symptom is not None and symptom.certain is is_fact and symptom.where.line == line
    assert said in symptom.sentence


@pytest.mark.parametrize(("run", "changes"), neighbours(NOT_SHOWN), ids=named)
def test_its_neighbours_are_left_alone(run, changes):
    assert look(run, **changes) is None


@pytest.mark.parametrize(("values", "is_shown"), [((0.95, 0.97), True), ((0.97, 0.95), False)])
def test_an_evaluation_of_the_loss_that_falls_along_is_no_other_task(values, is_shown):
    record = wrong_objective(name="test loss", values=values, untrained=1.0, rises=False, is_loss=True)
    record.add(Reading("evaluation_loss", "test", STEPS, values[-1]))
    assert (CANON["wrong_objective"].look(record) is not None) is is_shown


@pytest.mark.parametrize(("share", "is_shown"), [(1.1, False), (0.4, True)])
def test_a_printed_loss_as_large_as_the_training_loss_is_no_other_task(share, is_shown):
    training = healthy().series("loss", "0")
    values = tuple(share * training.at(STEPS * part // 2) for part in (1, 2))
    record = wrong_objective(
        name="test pinball loss", values=values, untrained=1.02 * values[1], rises=False, is_loss=True
    )
    assert (CANON["wrong_objective"].look(record) is not None) is is_shown


@pytest.mark.parametrize(
    ("printed", "kind", "value", "cost"),
    [
        ({}, "share", 0.9, 0.1),
        ({"values": (12.0, 87.0)}, "share", 87.0, 13.0),  # in percent
        ({"name": "R² on test data", "values": (-8.0, 0.3)}, "share", -8.0, 9.0),
        ({"name": "val rmse", "rises": False, "values": (3.0, 2.0)}, "error", 2.0, 2.0),
        ({"name": "mean reward", "values": (-9.0, -2.0), "untrained": -10.0}, "gain", -2.0, 1 / 8),
        ({"name": "mean reward", "values": (-9.0, -2.0), "untrained": -10.0}, "gain", -30.0, 1.0),  # at least a tenth
        ({"name": "nll", "rises": False, "values": (2.0, -3.0), "untrained": 5.0}, "gain", -3.0, 1 / 8),
        ({}, "share", nan, inf),
    ],
)
def test_a_number_reads_as_a_cost(printed, kind, value, cost):
    metric = own_metric(printing(**printed))
    assert metric.kind == kind and metric.cost(value) == pytest.approx(cost)


@pytest.mark.parametrize(
    ("name", "evaluates", "may_be"),
    [("test nll", False, True), ("test loss", False, True), ("test mse", False, False), ("test loss", True, False)],
)
def test_what_may_be_a_likelihood(name, evaluates, may_be):
    record = printing(name=name, rises=False, is_loss=True, values=(2.0, 1.0), untrained=3.0)
    if evaluates:
        record.add(Reading("evaluation_loss", "cross_entropy", 200, 1.0))
    assert own_metric(record).may_be_likelihood is may_be


@pytest.mark.parametrize(("with_gradient", "is_read"), [(0, True), (6, False)])
def test_a_number_that_stays_as_it_is_untrained_is_read_where_nothing_is_trained(with_gradient, is_read):
    record = printing(name="test nll", rises=False, is_loss=True, values=(2.0, 2.0), untrained=2.0)
    change(record, facts.Wiring, "0", with_gradient=with_gradient)
    assert (own_metric(record) is not None) is is_read


@pytest.mark.parametrize(
    ("values", "kind", "rises", "is_bad"),
    [
        ((40.0, 25.0), "error", False, False),
        ((-40.0, -25.0), "gain", True, False),
        ((-1.0, -3.4), "gain", True, True),  # it falls since the run is bad: at first it had the other sign of the loss
    ],
)
def test_what_is_maximised_by_its_name_may_be_called_so_and_be_its_negative(values, kind, rises, is_bad):
    record = printing(name="test elbo", is_loss=True, values=values, untrained=values[0])
    change(record, facts.OwnNumber, "test elbo", is_share=False)
    metric = own_metric(record)
    assert (metric.kind, metric.rises) == (kind, rises) and suffers(record) is is_bad


def test_a_likelihood_that_the_optimizer_maximises_is_a_gain_as_its_name_says():
    record = printing(name="test log-likelihood", is_loss=True, values=(-8.0, -6.3), untrained=-8.1)
    change(record, facts.OwnNumber, "test log-likelihood", is_share=False)
    change(record, facts.Optimizer, "0", maximize=True)
    change(record, facts.Connections, slope=0.0)
    set_series(record, "loss", "0", [-8.1, *[-6.4] * 50])
    metric = own_metric(record)
    assert (metric.kind, metric.rises) == ("gain", True)
    assert metric.cost(-6.3) < metric.cost(-8.0) <= metric.cost(-1e12)


def test_what_has_no_bound_is_no_cost_before_it_is_known_without_learning():
    assert own_metric(printing(name="mean reward", untrained=None)) is None
    record = printing(name="mean reward", values=(1.0, 9.0), untrained=None)
    assert asks_untrained(record) and is_told_by_loss(record)
    observe(record, facts.SelfSampledLoss("multinomial"))
    assert asks_untrained(record) and not is_told_by_loss(record)


def test_a_number_that_did_not_come_along_is_told_whatever_others_did():
    """It is the one by which changes are judged: what the others say is good already."""
    record = printing(name="test error", rises=False, values=(0.9, 0.1), untrained=1.0)
    assert not suffers(record)
    observe(record, SHARE, "auc")
    record.add(Reading("own_number", "auc", 200, 0.6))
    assert own_metric(record).name == "test error" and asks_untrained(record)
    observe(record, facts.Untrained(0.5), "auc")
    assert own_metric(record).name == "auc" and suffers(record)


def test_the_most_telling_number_is_taken():
    record = printing(name="train accuracy", is_held_out=False, untrained=None)
    for name, of in (("test loss", True), ("test accuracy", True)):
        is_share = "acc" in name
        observe(record, facts.OwnNumber(is_share, is_share, is_loss="loss" in name, is_held_out=of), name)
        record.readings["own_number", name] = ([100, 200], [0.5, 0.4])
    assert own_metric(record).name == "test accuracy"


@pytest.mark.parametrize(
    ("values", "asked"),
    [((0.12, 0.1), True), ((0.12,), True), ((0.1, 0.6), False), ((0.85,), False), ((0.79,), True)],
)
def test_when_it_must_be_known_what_no_learning_gives(values, asked):
    assert asks_untrained(printing(values=values, untrained=None)) is asked


def test_chance_is_where_nothing_is_learnt():
    at = {value: is_at_chance(r := printing(values=(value,)), own_metric(r)) for value in (0.05, 0.18, 0.2)}
    assert at == {0.05: True, 0.18: True, 0.2: False}
    unknown = printing(untrained=None)
    assert is_at_chance(unknown, own_metric(unknown)) is None


@pytest.mark.parametrize(
    ("printed", "share"),
    [
        ({"values": (0.2, 0.7)}, 0.3 / 0.9),
        ({"values": (0.2, 0.7), "untrained": None}, 0.3),  # of its whole
        ({"name": "rmse", "rises": False, "values": (2.0, 1.0), "untrained": 4.0}, 0.25),
        ({"name": "mean reward", "values": (1.0, 9.0), "untrained": -1.0}, 0.01),
    ],
)
def test_where_no_loss_can_tell_the_scripts_own_number_says_what_is_left(printed, share):
    record = printing(**printed)
    assert cost_left(record) < 0.01  # by its loss
    observe(record, facts.SelfSampledLoss("multinomial"))
    name = repr(printed.get("name", "test accuracy"))
    known = printed.get("untrained", 0.1) is not None
    whole = "what it lacks without learning" if known else "a perfect value"
    assert cost_left(record) == pytest.approx(share)
    assert loss_left_message(record) == f"{name} still lacks {share:.0%} of {whole}"
    assert is_stuck(record, "0", share - 0.001) and not is_stuck(record, "0", share + 0.001)


def test_an_error_that_is_not_known_without_learning_says_nothing_of_it():
    record = printing(name="rmse", rises=False, values=(2.0, 1.9), untrained=None)
    before = cost_left(record)
    observe(record, facts.SelfSampledLoss("multinomial"))
    assert cost_left(record) == before


@pytest.mark.parametrize(
    ("printed", "is_it"),
    [((0.9, 0.5, 0.41), True), ((0.9, 0.5, 0.45), False), ((0.41,), False), ((0.4,), True), ((0.1, 0.5, 0.6), False)],
)
def test_what_says_its_data_alone_is_the_loss_that_was_seen_to_be_evaluated(printed, is_it):
    record = printing(name="val", values=printed, untrained=None, rises=None)
    for step, loss in zip(record.series("own_number", "val").steps, (0.9, 0.5, 0.4)[-len(printed) :]):
        record.add(Reading("evaluation_loss", "", step, loss))
    metric = own_metric(record)
    assert (metric is not None) == is_it and (metric is None or metric.kind == "error")
