"""Runs with a fault that shows in logged metrics, or in calls between data and loss. Keyword arguments vary them."""

from dataclasses import replace
from typing import Any

from records import STEPS, add_site, healthy, observe, real, set_cost, stuck

from descend.doctor.record import Reading, Record, facts

UNBOUNDED = facts.Reachability(cost=-3.0, constant=-2e6, unbounded=True, is_compared=True, examples=64)
CROSSING = facts.Crossing(
    function="Sigmoid", line=7, edit="skip", before=1.5, after=0.1, constant=2.3, in_head=True, has_parameters=False
)
SHARE = facts.MetricName(rises=True, is_share=True, is_loss=False, is_held_out=None)


def printing(
    name: str = "test accuracy",
    values: tuple[float, ...] = (0.12, 0.1),
    untrained: float | None = 0.1,
    *,
    rises: bool | None = True,
    is_loss: bool = False,
    is_held_out: bool | None = True,
    late: bool = True,
) -> Record:
    """Return a run that learns its task and logs a metric."""
    record = healthy()
    is_share = bool(rises) and "reward" not in name
    observe(record, facts.MetricName(rises, is_share, is_loss, is_held_out), name)
    last = STEPS if late else STEPS // 4
    for i, value in enumerate(values, 1):
        record.add(Reading("logged_metric", name, last * i // len(values), value))
    if untrained is not None:
        observe(record, facts.UntrainedMetric(untrained), name)
    return record


def wrong_objective(*, falls: bool = True, beside: float | None = None, **printed: Any) -> Record:
    record = printing(**printed)
    if not falls:
        stuck(record)
    if beside is not None:
        observe(record, SHARE, "f1")
        record.add(Reading("logged_metric", "f1", STEPS, beside))
        observe(record, facts.UntrainedMetric(0.1), "f1")
    return record


def wrong_step(cosine: float = -1.0, ratio: float = 1.0, left: float = 1.0, by: str = "neg") -> Record:
    record = healthy()
    set_cost(record, lambda t: left**t)
    observe(record, facts.Alterations(cosine, ratio), "0", 4)
    add_site(record, "altered_gradient", "0", 26, by)
    return record


def weights_changed(between: float = 2.5, left: float = 0.5, gradient: bool = False) -> Record:
    record = healthy()
    real(record)
    set_cost(record, lambda t: left**t)
    cosine, ratio = (0.6, 0.2) if gradient else (None, 1.0)
    observe(record, facts.Alterations(cosine, ratio, between), "0", 4)
    add_site(record, "altered_parameters", "0", 28, "mul")
    if gradient:
        add_site(record, "altered_gradient", "1", 26, "sign")
    return record


def forgetful_step() -> Record:
    record = healthy()
    stuck(record)
    observe(record, facts.Alterations(forgotten=2), "0", 4)
    add_site(record, "altered_state", "0", 29, "state")
    return record


def unreadable(left: float = 1.0, calls: int = 1, accuracy: float | None = None) -> Record:
    record = healthy() if accuracy is None else printing(values=(accuracy,), untrained=None)
    set_cost(record, lambda t: left**t)
    for place in range(calls):
        observe(record, facts.OnInputs(function="roll", line=19, edit="skip", feeds=True), str(place))
        add_site(record, "on_inputs", str(place), 19, "roll")
    return record


def blocked_signal(left: float = 1.0, passes: float = 0.01) -> Record:
    record = healthy()
    set_cost(record, lambda t: left**t)
    observe(record, facts.OnNetwork(function="Softmax", line=6, passes=passes, edit="skip"), "0")
    add_site(record, "on_network", "0", 6, "Softmax")
    return record


def unbalanced_terms(weak: float = 0.001, accuracy: float | None = None, left: float = 1.0) -> Record:
    record = healthy() if accuracy is None else printing(values=(accuracy,), untrained=None)
    set_cost(record, lambda t: left**t)
    for place, (line, pull, factor) in enumerate(((20, weak, 1 / weak), (21, 1.0, weak))):
        term = facts.LossTerm(side=place, line=line, pull=pull, factor=factor, edit="weigh")
        observe(record, term, str(place))
        add_site(record, "loss_term", str(place), line, "mul")
    return record


def unbounded_loss(left: float = 1.0, **changes: Any) -> Record:
    record = healthy()
    set_cost(record, lambda t: left**t)
    observe(record, replace(UNBOUNDED, **changes))
    return record


def crossing(left: float = 1.0, **changes: Any) -> Record:
    record = healthy()
    set_cost(record, lambda t: left**t)
    observe(record, replace(CROSSING, **changes), "0")
    add_site(record, "crossing", "0", 7, "Sigmoid")
    return record


def barred_within(left: float = 1.0) -> Record:
    return crossing(left, in_head=False)


def evaluated_in_training_mode(function: str = "dropout", by_itself: bool = False, **printed: Any) -> Record:
    record = printing(**printed)
    observe(record, facts.TrainingMode(function, by_itself), "0")
    add_site(record, "evaluated", "0", 31, function)
    if by_itself:
        add_site(record, "drawn", "0", 9, function)
    return record


def evaluated_on_other_inputs(distance: float = 5.0, drift: float = 0.2, **printed: Any) -> Record:
    record = printing(**printed)
    scale = {"mean": 68.0, "std": 213.0, "trained_mean": 0.0, "trained_std": 1.0}
    for place, apart in (("0", 0.1), ("1", distance)):
        observe(record, facts.EvaluatedInputs(apart, 58, **scale, drift=drift), place)
        add_site(record, "evaluation", place, 30 + int(place), "")
    return record


def wrong_metric(right: float = 0.1, best: float | None = None) -> Record:
    record = healthy()
    best = right if best is None else best
    observe(record, facts.MetricComputation(right, given_to_others=0.1, best=best, is_told_apart=right > 0.9), "0")
    add_site(record, "metric_computation", "0", 31, "")
    return record


def disordered_in_evaluation(accuracy: float = 0.1) -> Record:
    record = printing(values=(accuracy,), untrained=None)
    observe(record, facts.OnEvaluated(function="getitem", line=31, edit="skip", feeds=True), "0.0")
    add_site(record, "on_evaluated", "0.0", 31, "getitem")
    return record


def optimisation(left: float = 1.0, **printed: Any) -> Record:
    record = printing(**printed) if printed else healthy()
    if printed:
        observe(record, facts.SelfSampledLoss("multinomial"))
    else:
        set_cost(record, lambda t: left**t)
    return record


METRIC = {
    wrong_metric: "wrong_metric",
    evaluated_on_other_inputs: "evaluated_on_other_inputs",
    disordered_in_evaluation: "unreadable",
    evaluated_in_training_mode: "evaluated_in_training_mode",
    optimisation: "optimisation",
    blocked_signal: "blocked_signal",
    barred_within: "blocked_signal",
    crossing: "unreachable_loss",
    unbalanced_terms: "unbalanced_terms",
    unbounded_loss: "unbounded_loss",
    wrong_objective: "wrong_objective",
    wrong_step: "wrong_step",
    weights_changed: "wrong_step",
    forgetful_step: "wrong_step",
    unreadable: "unreadable",
}
