"""Runs with faulty data, losses or initial weights, just beyond the limit. Keyword arguments change the run."""

from collections.abc import Callable, Sequence
from typing import Any

from records import (
    EVERY,
    STEPS,
    add_site,
    change,
    falling_to,
    forget,
    healthy,
    observe,
    probe,
    real,
    rising,
    set_cost,
    set_series,
    settling_at,
)

from descend.doctor.record import Record, facts


def symmetric_units(share: float = 0.5, until: int = STEPS // EVERY) -> Record:
    record = healthy()
    probe(record, "duplicate_share", "2.weight", [share] * until + [0.0] * (STEPS // EVERY - until))
    return record


def no_nonlinearity(layers: int = 2, left: float = 0.31) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    change(record, facts.Connections, linear_layers=layers)
    return record


def sum_reduction(
    reduction: str = "sum",
    shape: Sequence[int] = (8,),
    by_hand: bool = False,
    cost: Callable[[float], float] = rising,
    **rule: Any,
) -> Record:
    record = healthy(**rule)
    set_cost(record, cost)
    add_site(record, "loss_module", "0", 8)
    change(record, facts.LossInput, reduction=reduction, by_hand=by_hand, target_shape=tuple(shape))
    return record


def targets_not_scaled(left: float = 0.31, **targets: float) -> Record:
    record = healthy()
    real(record, **({"mean": 10.0, "std": 1.0} | targets))
    set_cost(record, falling_to(left))
    return record


def inputs_not_normalised(
    rms: float = 5.1, ratio: float = 100.0, left: float = 0.31, layer: str = "linear", draws: str = "", **scales: Any
) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    change(record, facts.Inputs, largest_rms=rms, **({"std": (0.1, 6.5, 3.0, 0.0)} | scales), first_layer=layer)
    if draws:
        observe(record, facts.SelfSampledLoss(draws))
    set_series(record, "input_condition_number", "", 20.0 * ratio)
    return record


def saturated_units(share: float = 0.5, left: float = 0.31) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    change(record, facts.Activation, "1", function="tanh")
    probe(record, "saturated_share", "1", share)
    probe(record, "saturated_share", "3", [0.1, *[0.9] * 19])
    return record


def bad_initialisation(scales: Sequence[float] = (0.5, 0.1, 0.5 / 31), left: float = 0.31) -> Record:
    record = healthy()
    forget(record, "activation_scale")
    set_cost(record, falling_to(left))
    for i, scale in enumerate(scales):
        probe(record, "activation_scale", f"{2 * i + 1}", scale)
    return record


def no_signal(
    p: float = 0.11,
    examples: int = 100,
    left: float = 0.91,
    evaluations: Sequence[float] = (),
    power: float = 0.8,
    met: str = "loader",
    answers: float | None = 0.0,
    again: int = 0,
) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    observe(record, facts.Signal(examples, p, chance=0.05, shuffles=200, size=0.5, met=met, power=power))
    if answers is not None:
        observe(record, facts.OutputTargetCovariance(300, again, answers))
    if evaluations:
        probe(record, "evaluation_loss", "", [2.3 * share for share in evaluations])
    return record


def outliers(
    far: float = 51.0,
    spread: float = 5.1,
    function: str = "mse_loss",
    deviation: float = 0.5,
    left: float = 0.31,
    gap: float = 3.1,
) -> Record:
    record = healthy()
    std = spread * 1.4826 * deviation
    real(record, median=1.0, deviation=deviation, max=1 + far * deviation, min=-1.0, std=std, gap=gap)
    set_cost(record, falling_to(left))
    change(record, facts.LossInput, function=function)
    return record


def unshuffled_data(within: int = 2, batches: int = 4, examples: int = 8, classes: int = 10) -> Record:
    record = healthy()
    forget(record, facts.Batch)
    for i in range(batches):
        counts = {str((i * within + j) % classes): examples // within for j in range(within)}
        observe(record, facts.Batch(examples, labels=counts), "", 10 * i)
    return record


def strong_decay(decay: float = 0.03, left: float = 0.31, **rule: Any) -> Record:
    record = healthy(weight_decay=decay, **rule)
    set_cost(record, settling_at(left))
    return record


def strong_penalty(share: float = 0.49, left: float = 0.31) -> Record:
    record = healthy()
    set_cost(record, settling_at(left))
    change(record, facts.Connections, share=share)
    return record


def strong_dropout(p: float = 0.75, left: float = 0.31) -> Record:
    record = healthy()
    set_cost(record, settling_at(left))
    for line, (place, share) in enumerate({"2": 0.1, "5": p}.items(), 6):
        observe(record, facts.Dropout(share), place)
        add_site(record, "dropout", place, line)
    return record


def correlated_inputs(
    condition: float = 1001.0, rms: float = 1.0, left: float = 0.11, decayed: float = 1.0, **rule: Any
) -> Record:
    """Return a run with flat directions of less than 1/400 of λmax, where 200 stable steps make no progress.

    decayed: what the learning rate is multiplied by after 40 steps.
    """
    record = healthy(**rule)
    set_series(record, "learning_rate", "0", [0.1 * (decayed if step >= 40 else 1.0) for step in range(STEPS)])
    set_cost(record, settling_at(left))
    change(record, facts.Inputs, largest_rms=rms)
    probe(record, "input_condition_number_standardised", "", [condition])
    return record


def mixed_reductions(
    left: float = 0.6, seen: bool = True, over_batch: bool = True, spread: float = 0.5, own: int = 1
) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    if seen:
        observe(record, facts.MixedReductions(64, "mse_loss", 784, own, over_batch))
    change(record, facts.LossInput, spread=spread)
    change(record, facts.Targets, std=1.0)
    add_site(record, "summed_term", "0", 17)
    return record


STATICS = {
    mixed_reductions: "mixed_reductions",
    symmetric_units: "symmetric_units",
    no_nonlinearity: "no_nonlinearity",
    sum_reduction: "sum_reduction",
    targets_not_scaled: "targets_not_scaled",
    inputs_not_normalised: "inputs_not_normalised",
    saturated_units: "saturated_units",
    bad_initialisation: "bad_initialisation",
    no_signal: "no_signal",
    outliers: "outliers",
    unshuffled_data: "unshuffled_data",
    strong_decay: "over_regularised",
    strong_penalty: "over_regularised",
    strong_dropout: "over_regularised",
    correlated_inputs: "correlated_inputs",
}
