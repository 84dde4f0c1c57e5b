"""Runs that their own numbers, or what stands on the way, accuse; the keywords move them to neighbours."""

from typing import Any

from records import STEPS, add_fact, add_site, healthy, observe, real, set_cost, stuck

from descend.record import Reading, Record, facts

SHARE = facts.OwnNumber(rises=True, is_share=True, is_loss=False, is_held_out=None)


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
    """A run that learns its task, and prints a number of its own."""
    record = healthy()
    is_share = bool(rises) and "reward" not in name
    observe(record, facts.OwnNumber(rises, is_share, is_loss, is_held_out), name)
    last = STEPS if late else STEPS // 4
    for i, value in enumerate(values, 1):
        record.add(Reading("own_number", name, last * i // len(values), value))
    if untrained is not None:
        observe(record, facts.Untrained(untrained), name)
    return record


def wrong_objective(*, falls: bool = True, beside: float | None = None, **printed: Any) -> Record:
    record = printing(**printed)
    if not falls:
        stuck(record)
    if beside is not None:
        observe(record, SHARE, "f1")
        record.add(Reading("own_number", "f1", STEPS, beside))
        observe(record, facts.Untrained(0.1), "f1")
    return record


def wrong_step(cosine: float = -1.0, ratio: float = 1.0, left: float = 1.0, by: str = "neg") -> Record:
    record = healthy()
    set_cost(record, lambda t: left**t)
    add_fact(record, "alterations", "0", 4, cosine=cosine, ratio=ratio)
    add_site(record, "altered_gradient", "0", 26, by)
    return record


def weights_changed(between: float = 2.5, left: float = 0.5, gradient: bool = False) -> Record:
    record = healthy()
    real(record)
    set_cost(record, lambda t: left**t)
    detail = {"cosine": 0.6, "ratio": 0.2} if gradient else {}
    add_fact(record, "alterations", "0", 4, between_steps=between, **detail)
    add_site(record, "altered_parameters", "0", 28, "mul")
    if gradient:
        add_site(record, "altered_gradient", "1", 26, "sign")
    return record


def forgetful_step() -> Record:
    record = healthy()
    stuck(record)
    add_fact(record, "alterations", "0", 4, forgotten=2)
    add_site(record, "altered_state", "0", 29, "state")
    return record


def unreadable(left: float = 1.0, calls: int = 1, accuracy: float | None = None) -> Record:
    record = healthy() if accuracy is None else printing(values=(accuracy,), untrained=None)
    set_cost(record, lambda t: left**t)
    for place in range(calls):
        add_fact(record, "on_inputs", str(place), function="roll", line=19, edit="skip")
        add_site(record, "on_inputs", str(place), 19, "roll")
    return record


def blocked_signal(left: float = 1.0, passes: float = 0.01) -> Record:
    record = healthy()
    set_cost(record, lambda t: left**t)
    add_fact(record, "on_network", "0", function="Softmax", line=6, passes=passes, edit="skip")
    add_site(record, "on_network", "0", 6, "Softmax")
    return record


def unbalanced_terms(weak: float = 0.001, accuracy: float | None = None, left: float = 1.0) -> Record:
    record = healthy() if accuracy is None else printing(values=(accuracy,), untrained=None)
    set_cost(record, lambda t: left**t)
    for place, (line, pull, factor) in enumerate(((20, weak, 1 / weak), (21, 1.0, weak))):
        add_fact(record, "loss_term", str(place), side=place, line=line, pull=pull, factor=factor, edit="weigh")
        add_site(record, "loss_term", str(place), line, "mul")
    return record


def unbounded_loss(left: float = 1.0, **changes: Any) -> Record:
    record = healthy()
    set_cost(record, lambda t: left**t)
    facts = {"cost": -3.0, "constant": -2e6, "unbounded": True, "is_compared": True, "examples": 64}
    add_fact(record, "reachability", **(facts | changes))
    return record


def crossing(left: float = 1.0, **changes: Any) -> Record:
    record = healthy()
    set_cost(record, lambda t: left**t)
    known = {"function": "Sigmoid", "line": 7, "before": 1.5, "behind": 0.1, "constant": 2.3, "in_head": True}
    add_fact(record, "crossing", "0", **(known | changes), edit="skip")
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


def evaluated_on_other_inputs(distance: float = 5.0, **printed: Any) -> Record:
    record = printing(**printed)
    scale = {"mean": 68.0, "std": 213.0, "trained_mean": 0.0, "trained_std": 1.0}
    for place, apart in (("0", 0.1), ("1", distance)):
        observe(record, facts.EvaluatedInputs(apart, 58, **scale), place)
        add_site(record, "evaluation", place, 30 + int(place), "")
    return record


def wrong_metric(right: float = 0.1, best: float | None = None) -> Record:
    record = healthy()
    best = right if best is None else best
    observe(record, facts.OwnMeasure(right, given_to_others=0.1, best=best, is_told_apart=right > 0.9), "0")
    add_site(record, "own_measure", "0", 31, "")
    return record


def disordered_in_evaluation(accuracy: float = 0.1) -> Record:
    record = printing(values=(accuracy,), untrained=None)
    add_fact(record, "on_evaluated", "0.0", function="getitem", line=31, edit="skip")
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
