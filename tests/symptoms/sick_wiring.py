"""Runs with a wiring fault, just beyond the limit. Keyword arguments turn them into similar runs without the fault."""

from dataclasses import replace
from math import nan
from typing import Any

from records import (
    STEPS,
    WEIGHTS,
    add_site,
    change,
    exploding,
    falling_to,
    forget,
    healthy,
    observe,
    real,
    second_optimizer,
    set_cost,
    stuck,
)
from sick_batches import BATCHES
from sick_first_steps import FIRST_STEPS

from descend.doctor.record import Ending, Record, facts


def bad_data(values: int = 3, nan: int = 3, where: str = "inputs") -> Record:
    record = healthy()
    exploding(record)
    observe(record, facts.BadData(where, values, nan, examples=2, of=32), "", 7)
    return record


def parameters_not_in_optimizer(
    held: int = 600,
    fresh: float = 0.5,
    unregistered: int = 0,
    left: float = 0.31,
    count: int = 2,
    empty: int = 0,
    output: bool = False,
) -> Record:
    record = healthy(empty_groups=empty)
    set_cost(record, falling_to(left))
    names = ("(unregistered)",) * unregistered or WEIGHTS[:count]
    found = {"untrained": names, "untrained_count": count, "untrained_numel": 400, "untrained_share_fresh": fresh}
    change(record, facts.Connections, held=held, unregistered=unregistered, output_untrained=output, **found)
    return record


def nothing_held(with_gradient: int = 0, unheld: int = 4) -> Record:
    record = healthy()
    unheld_ones = WEIGHTS[:unheld]
    change(record, facts.Wiring, "0", with_gradient=with_gradient, unheld=unheld_ones, unheld_count=unheld)
    return record


def made_in_forward() -> Record:
    record = healthy()
    for key, line in (("0", 12), ("1", 14)):
        observe(record, facts.MadeInForward("Linear", line), key)
        add_site(record, "made_in_forward", key, line, detail="Linear")
    return record


def detached(fresh: float = 0.5, optimizers: int = 1) -> Record:
    record = healthy()
    add_site(record, "detach", "0", 18)
    change(record, facts.Connections, cut=WEIGHTS[:1], cut_count=1, cut_share_fresh=fresh, cut_numel=500)
    if optimizers > 1:
        second_optimizer(record, [2.3] * STEPS)
    return record


def frozen(fresh: float = 0.5, left: float = 0.31) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    found = {"frozen": WEIGHTS[:1], "frozen_count": 1, "frozen_share_fresh": fresh, "frozen_numel": 750}
    change(record, facts.Connections, **found)
    return record


def incorrect_gradients(error: float = 1.1e-3, **others: float) -> Record:
    record = healthy()
    for line, (name, wrong) in enumerate({"Square": error, **others}.items(), 40):
        observe(record, facts.GradientCheck(wrong, 0), name)
        add_site(record, "custom_function", name, line)
    return record


def negated_loss(
    slope: float = -1.0, optimizers: int = 1, of_cost: bool | None = None, *, reversed: bool = False, **rule: Any
) -> Record:
    record = healthy(**rule)
    set_cost(record, lambda t: 1 - 9 * t)
    change(record, facts.Connections, slope=slope)
    if of_cost is not None:
        observe(record, facts.IncreasingLoss(of_cost))
    if reversed:
        observe(record, facts.Alterations(cosine=-1.0), "0")
    if optimizers > 1:
        second_optimizer(record, [2.3] * STEPS)
    return record


def constant_labels(
    labels: int = 32, later: str = "3", task: str = "classes", function: str = "cross_entropy", constant: float = 0.0
) -> Record:
    record = healthy()
    stuck(record)
    observe(record, facts.Reachability(2.3, constant, unbounded=False, is_compared=True, examples=64))
    change(record, facts.LossInput, task=task, function=function)
    change(record, facts.Targets, min=3, max=3, entropy=0.0, classes_seen=1)
    forget(record, facts.Batch)
    first, rest = labels // 2, labels - labels // 2
    observe(record, facts.Batch(first, labels={"3": first}))
    observe(record, facts.Batch(rest, labels={later: rest}), "", 10)
    return record


def labels_out_of_range(low: float = -1.0, high: float = 1.0, task: str = "binary") -> Record:
    record = healthy()
    change(record, facts.LossInput, function="binary_cross_entropy_with_logits", task=task, classes=1)
    change(record, facts.Targets, dtype="float32", mean=0.0, std=1.0, min=low, max=high)
    return record


def refused_label(error: str = "IndexError: Target 10 is out of bounds.") -> Record:
    record = healthy()
    record.ending = Ending("failed", 1, 0, error=f"Traceback (most recent call last):\n  File ...\n{error}\n")
    return record


def broadcasting(pair: tuple[tuple[int, ...], tuple[int, ...]] | None = ((32, 1), (32,)), std: float = 2.0) -> Record:
    record = healthy()
    real(record, std=std)
    add_site(record, "difference", "0", 21)
    if pair:
        change(record, facts.Connections, broadcast=facts.Broadcast(*pair, (32, 32), "right", by_hand=True))
    return record


def output_before_loss(left: float = 0.9, lone: str = "", **given: Any) -> Record:
    record = healthy()
    if lone:
        observe(record, facts.LoneEntry("", (32, 1), lone, is_softmax=True, dims=()), "0")
        add_site(record, "lone_entry", "0", 7)
    task = {"mse_loss": "real", "nll_loss": "classes", "cross_entropy": "classes"}.get(given["function"], "binary")
    if task == "real":
        real(record, min=given.pop("low", -3.0), max=given.pop("high", 3.0))
    set_cost(record, falling_to(left))
    add_site(record, "activation", "output", 7)
    change(record, facts.LossInput, task=task, **given)
    return record


def several_tags(floor: float = 0.73, activation: str = "softmax") -> Record:
    record = output_before_loss(
        function="binary_cross_entropy", activation=activation, classes=8, min=0.0, max=1.0, inner_activation=None
    )
    change(record, facts.Targets, mean=0.4, simplex_floor=floor)
    return record


def eval_mode(since: int = 20, until: int = STEPS, unfit: bool = False) -> Record:
    record = healthy()
    seen = record.history(facts.Modes)
    forget(record, facts.Modes)
    for modes in seen:
        is_idle = since <= modes.step < until
        observe(record, facts.Modes(("3",), ("3",) if unfit else ()) if is_idle else modes.fact, "", modes.step)
    return record


def log_of_negatives(function: str = "log", is_partial: bool = True, is_masked: bool = False) -> Record:
    record = healthy()
    set_cost(record, lambda t: nan)
    observe(record, facts.NotFinite(function, is_partial, -1.7, 2.0, is_masked))
    add_site(record, "not_finite", "0", 15)
    return record


def examples_mixed(share: float = 0.5, by: str = "attention", left: float = 0.11, **more: Any) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    observe(record, facts.Mixing(32, share, by, batch_first=False, **more))
    add_site(record, "mixing", "0", 8)
    return record


def degenerate_normalisation(left: float = 0.11, function: str = "softmax", line: int = 8) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    observe(record, facts.LoneEntry("", (32, 20, 1), function, is_softmax=function == "softmax", dims=(1,)), "0")
    add_site(record, "lone_entry", "0", line)
    add_site(record, "activation", "output", 9)
    return record


def all_masked(is_masked: bool = True) -> Record:
    return log_of_negatives("softmax", is_partial=False, is_masked=is_masked)


def divergence() -> Record:
    record = healthy()
    observe(record, facts.Divergence(0.01, 0.93))
    add_site(record, "divergence", "0", 16)
    return record


def dimensions_exchanged(left: float = 0.11, dims: tuple[int, ...] = (0, 2, 1)) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    observe(record, facts.Exchanged((32, 50, 26), (32, 26, 50), dims), "0")
    add_site(record, "exchanged", "0", 8)
    return record


def constant_term() -> Record:
    record = healthy()
    observe(record, facts.ConstantTerm(1, is_whole=True))
    add_site(record, "derivative", "0", 16)
    return record


def infinite_gradient(risen: float = 1.0, function: str = "sqrt") -> Record:
    record = healthy()
    steps, values = record.readings["loss", "0"]
    middle = len(values) // 2
    values[:] = [values[0] * risen if 0 < i < middle else nan if i >= middle else v for i, v in enumerate(values)]
    if function:
        observe(record, facts.Singular(function, least=0.02), "0")
    add_site(record, "singular", "0", 17)
    return record


def target_leak(sees: bool = True) -> Record:
    record = healthy()
    observe(record, facts.TargetLeak(sees, length=12))
    add_site(record, "leak", "0", 8)
    return record


def unpaired_targets(left: float = 0.4, shuffles: tuple[bool, bool] = (True, True), **second: Any) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    observe(record, facts.Pairing(inputs=("0",), targets=("1",)))
    for key, own in zip("01", shuffles):
        known = facts.Loader(own, batch_size=32, examples=640)
        observe(record, replace(known, **second) if key == "1" else known, key)
        add_site(record, "loader", key, 6)
    return record


WIRING = {
    **FIRST_STEPS,
    **BATCHES,
    bad_data: "bad_data",
    parameters_not_in_optimizer: "parameters_not_in_optimizer",
    nothing_held: "parameters_not_in_optimizer",
    made_in_forward: "parameters_not_in_optimizer",
    detached: "frozen_or_detached",
    frozen: "frozen_or_detached",
    incorrect_gradients: "incorrect_gradients",
    negated_loss: "negated_loss",
    constant_labels: "labels_wrong",
    labels_out_of_range: "labels_wrong",
    refused_label: "labels_wrong",
    broadcasting: "broadcasting",
    output_before_loss: "output_loss_mismatch",
    several_tags: "output_loss_mismatch",
    log_of_negatives: "output_loss_mismatch",
    eval_mode: "eval_mode",
    examples_mixed: "examples_mixed",
    degenerate_normalisation: "degenerate_normalisation",
    all_masked: "degenerate_normalisation",
    divergence: "output_loss_mismatch",
    dimensions_exchanged: "dimensions_exchanged",
    constant_term: "frozen_or_detached",
    infinite_gradient: "infinite_gradient",
    target_leak: "target_leak",
    unpaired_targets: "unpaired_targets",
}
