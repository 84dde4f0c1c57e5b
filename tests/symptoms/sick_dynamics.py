"""Runs with unsuitable steps, just beyond the limit. Keyword arguments turn them into similar faultless runs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from records import (
    EVERY,
    MONITOR,
    STEPS,
    add_site,
    exploding,
    falling_to,
    forget,
    healthy,
    observe,
    probe,
    second_optimizer,
    set_cost,
    set_series,
    settling_at,
)

from descend.doctor.record import Ending, Reading, Record, facts

Cost = Callable[[float], float]
HALF_LEFT, NOTHING_LEFT = falling_to(0.51), falling_to(0.01)
NOTHING_LEARNT, NEARLY_THERE = falling_to(0.91), settling_at(0.051)


def schedule(
    until: int = 120,
    tiny: float = 9e-4,
    back: int = STEPS,
    left: float = 0.31,
    scheduler: bool = True,
    cost: Cost | None = None,
) -> Record:
    """Return a run whose learning rate of 0.1 is lowered at one step and raised again at another."""
    record = healthy()
    set_cost(record, cost or settling_at(left))
    set_series(record, "learning_rate", "0", [tiny if until <= step < back else 0.1 for step in range(STEPS)])
    if scheduler:
        observe(record, facts.Scheduler("StepLR", 200), "0", STEPS)
        add_site(record, "scheduler", "0", 11)
        add_site(record, "scheduler_step", "0", 26)
    return record


def squared_rate(share: float = 1.0, rule: str = "LambdaLR", largest: float = 0.01) -> Record:
    """Return a run whose learning rate falls from the square of the optimizer's setting of 0.1."""
    record = healthy()
    set_series(record, "learning_rate", "0", [share * largest * (1 - step / STEPS) for step in range(STEPS)])
    observe(record, facts.Scheduler(rule, 200), "0", STEPS)
    add_site(record, "scheduler", "0", 11)
    return record


def clipping_too_hard(
    limit: float = 0.99, cut: float = 0.9, left: float = 0.31, function: str = "clip_grad_norm_", **rule: Any
) -> Record:
    """Return a run with gradient norms of 10, of which all but a share are clipped."""
    record = healthy(**rule)
    set_cost(record, settling_at(left))
    observe(record, facts.Clip(function, limit))
    add_site(record, "clip", "0", 23)
    probe(record, "clipped_norm", "", [10.0 if i < 20 * cut else limit for i in range(20)])
    return record


def momentum_mismatch(curvature: float = 1.1, momentum: float = 0.95, left: float = 0.31, **rule: Any) -> Record:
    record = healthy(momentum=momentum, **rule)
    probe(record, "curvature", "0", curvature)
    set_cost(record, settling_at(left))
    return record


def loaded_weights(
    start: float = 0.49, peak: float = 0.7, left: float = 0.11, risen_at: int = 10, tensors: int = 3
) -> Record:
    """Return a run with loaded weights, whose loss rises in the first half of the run. left: the final cost."""
    record = healthy()
    set_cost(record, settling_at(left))
    losses = [2.3 * (peak if step >= risen_at else start) for step in range(STEPS)]
    set_series(record, "loss", "0", losses)
    observe(record, facts.LoadedWeights(tensors, 6))
    return record


def warm_start(start: float = 0.49, peak: float = 1.5, risen_at: int = 40, made_at: int = STEPS) -> Record:
    """Return a second stage of 100 steps, whose loss starts at a share of the first stage's loss and then rises."""
    record = healthy()
    second_optimizer(record, [2.3 * start * (1 if step < risen_at else peak) for step in range(100)], made_at)
    return record


def outrun(ratio: float = 1.01, left: float = 0.11, bias: float = 9.0, **rule: Any) -> Record:
    record = healthy(**{"rule": "Adam", "lr": 0.5, "betas": (0.9, 0.999)} | rule)
    set_cost(record, settling_at(left))
    forget(record, "update_ratio")
    probe(record, "update_ratio", "0.weight", [ratio] + [1e-3] * 19)
    probe(record, "update_ratio", "0.bias", bias)
    return record


def unstable(curvature: float = 21.0, since: int = 0, cost: Cost = NOTHING_LEARNT, **rule: Any) -> Record:
    record = healthy(**rule)
    set_cost(record, cost)
    probe(record, "curvature", "0", [curvature if step >= since else 1.0 for step in range(0, STEPS, EVERY)])
    return record


def unstable_adaptive(
    curvature: float = 390.0, since: int = 0, diverges: bool = True, left: float = 0.01, lr: float = 0.1
) -> Record:
    record = healthy(**{"rule": "Adam", "betas": (0.9, 0.999), "lr": lr})
    set_cost(record, falling_to(left))
    if diverges:
        exploding(record, since=20)
    values = [curvature if step >= since else 1.0 for step in range(0, STEPS, EVERY)]
    probe(record, "preconditioned_curvature", "0", values)
    return record


def not_finite(**rule: Any) -> Record:
    record = healthy(**rule)
    exploding(record)
    return record


def cliff(jump: float = 5.1, at: int = 100, level: float = 0.5, left: float = 0.31, lasts: int = STEPS) -> Record:
    """Return a run with a constant loss that jumps for some steps. left: the final cost as a share."""
    record = healthy()
    set_cost(record, settling_at(left))
    early = [2.3 if step < 20 else 2.3 * level for step in range(at)]
    set_series(record, "loss", "0", early + [2.3 * level * (jump if step < lasts else 1) for step in range(STEPS - at)])
    return record


def spike(ratio: float = 21.0, up: float = 1.5, left: float = 0.31, lasts: int = STEPS, at: int = 100) -> Record:
    """Return a run with a spike of the gradient norm, after which the loss is higher for some steps."""
    record = cliff(up, at + 1, left=left, lasts=lasts)
    record.extend(Reading("step_gradient_norm", "0", step, ratio if step == at else 1.0) for step in range(STEPS))
    return record


def oscillation(curvature: float = 17.1, near: int = 10, cost: Cost = NEARLY_THERE, **rule: Any) -> Record:
    """Return a run whose steps are just below the stability limit in some of the twenty measurements."""
    record = healthy(**rule)
    set_cost(record, cost)
    probe(record, "curvature", "0", [1.0] * (20 - near) + [curvature] * near)
    return record


def slow_progress(curvature: float = 0.99, cost: Cost = HALF_LEFT, **rule: Any) -> Record:
    record = healthy(**rule)
    set_cost(record, cost)
    probe(record, "curvature", "0", curvature)
    return record


def tiny_updates(ratio: float = 9.9e-5, cost: Cost = HALF_LEFT, reason: str = "finished", **rule: Any) -> Record:
    record = healthy(**{"rule": "Adam", "betas": (0.9, 0.999)} | rule)
    set_cost(record, cost)
    probe(record, "preconditioned_curvature", "0", 1.0)
    for place in ("0.weight", "2.weight", "4.weight"):
        probe(record, "update_ratio", place, ratio)
    record.ending = Ending(reason, 0, STEPS)
    return record


def ill_conditioned_curvature(
    curvature: float = 4.1,
    fallen: float = 0.05,
    left: float = 0.11,
    cost: Cost | None = None,
    lowest: float | None = None,
    **rule: Any,
) -> Record:
    """Return a run whose loss falls very little over the second half, although the steps are long."""
    record = healthy(**rule)
    set_cost(record, cost or (lambda t: left * (1 + fallen * max(0.0, 1 - t) * 2 if t > 0 else 1 / left)))
    probe(record, "curvature", "0", curvature)
    if lowest is not None:
        probe(record, "curvature_lowest", "0", lowest)
    return record


def fluctuations(
    spread: float = 0.42, left: float = 0.11, steps: int = STEPS, falls: float = 0.0, last_rate: float = 0.1
) -> Record:
    """Return a run whose loss jumps between two values, every other step."""
    record = healthy()
    set_cost(record, lambda t: left)
    levels = [1.0 if step >= 3 * steps // 4 else 1 / (1 - falls) for step in range(steps)]
    signs = [(-1) ** (step % 50 // 2) for step in range(steps)]
    set_series(record, "loss", "0", [level * (1 + spread * sign) for level, sign in zip(levels, signs)])
    set_series(record, "learning_rate", "0", [0.1] * (STEPS - 1) + [last_rate])
    return record


def local_optima(parameters: int = 500, left: float = 0.31, falls: float = 0.0) -> Record:
    record = healthy(parameters=parameters)
    set_cost(record, lambda t: left if t > 0.9 else left / (1 - falls) if t > 0.1 else 1.0)
    return record


def overfitting(
    rise: float = 1.31, least_at: int = 2, evaluations: int = 6, training: Cost = NOTHING_LEFT, **rule: Any
) -> Record:
    record = healthy(**rule)
    set_cost(record, training)
    held_out = [1.0 if i == least_at else rise for i in range(evaluations)]
    record.readings["evaluation_loss", ""] = ([30 * i for i in range(evaluations)], held_out)
    record.ending = Ending("finished", 0, STEPS)
    return record


def stopped_too_early(reason: str = "finished", left: float = 0.21, cost: Cost | None = None) -> Record:
    record = healthy()
    set_cost(record, cost or falling_to(left))
    record.ending = Ending(reason, 0, STEPS)
    return record


def batch_size(
    examples: int = 129,
    batches: int = 1,
    noise: float | None = None,
    reason: str = "finished",
    left: float = 0.11,
    cost: Cost | None = None,
) -> Record:
    """Return a run with large batches that ends while the loss still falls."""
    record = stopped_too_early(reason, left, cost)
    observe(record, replace(MONITOR, batches=batches, examples=examples))
    if noise is not None:
        probe(record, "gradient_noise_scale", "0", [noise, 100.0 * noise, noise])
    return record


def stragglers(
    slow: float = 0.031, usual: float = 0.02, step: float = 0.05, readings: int = 5, ranks: int = 3
) -> Record:
    """Return a group of ranks in which the last one takes longer before its backward pass."""
    record = healthy()
    for rank in range(ranks):
        own = slow if rank == ranks - 1 else usual
        record.readings["own_seconds", str(rank)] = ([*range(readings)], [own] * readings)
        record.readings["step_seconds", str(rank)] = ([*range(readings)], [step] * readings)
    return record


def now_and_then(slow: float = 0.05, usual: float = 0.01, every: int = 4, ranks: int = 3) -> Record:
    """Return a group in which the ranks alternate in taking longer before the backward pass."""
    record = healthy()
    for rank in range(ranks):
        own = [slow if k % every == rank else usual for k in range(20)]
        record.readings["own_seconds", str(rank)] = ([*range(20)], own)
        record.readings["step_seconds", str(rank)] = ([*range(20)], [slow + 0.01] * 20)
    return record


DYNAMICS = {
    schedule: "schedule",
    squared_rate: "schedule",
    clipping_too_hard: "clipping_too_hard",
    momentum_mismatch: "momentum_mismatch",
    warm_start: "warm_start",
    loaded_weights: "warm_start",
    outrun: "instability",
    unstable: "instability",
    unstable_adaptive: "instability",
    not_finite: "instability",
    cliff: "cliff",
    spike: "cliff",
    oscillation: "oscillation",
    slow_progress: "slow_progress",
    tiny_updates: "slow_progress",
    ill_conditioned_curvature: "ill_conditioned_curvature",
    fluctuations: "fluctuations",
    local_optima: "local_optima",
    overfitting: "overfitting",
    stragglers: "stragglers",
    now_and_then: "stragglers",
    batch_size: "batch_size",
    stopped_too_early: "stopped_too_early",
}
