"""Steps that are too long, too short or clipped are reported only if the loss is worse because of them."""

from dataclasses import replace
from math import inf, nan

import pytest
from records import (
    STEPS,
    falling_to,
    forget,
    healthy,
    observe,
    probe,
    rising,
    second_optimizer,
    set_cost,
    set_series,
    settling_at,
)
from sick_dynamics import (
    batch_size,
    cliff,
    clipping_too_hard,
    fluctuations,
    ill_conditioned_curvature,
    loaded_weights,
    local_optima,
    momentum_mismatch,
    not_finite,
    now_and_then,
    oscillation,
    outrun,
    overfitting,
    schedule,
    slow_progress,
    spike,
    squared_rate,
    stopped_too_early,
    stragglers,
    tiny_updates,
    unstable,
    unstable_adaptive,
    warm_start,
)
from sick_runs import RUNS, look, named, neighbours

from descend.doctor.assess.process_times import predicted_speedups
from descend.doctor.assess.stability import curvature_name
from descend.doctor.catalog.diagnosis import detect
from descend.doctor.record import Reading, facts

MOMENTUM = {"momentum": 0.9}  # The stability limit is then 3.8.
ADAM = {"rule": "Adam", "lr": 1e-3, "betas": (0.9, 0.999)}
SGD = {"rule": "SGD"}

# run, changes to it, is it certain?, line, part of the sentence, a consequence
SHOWN = [
    (
        *(schedule, {}, False, 26),
        "is, from step 120 on, below 2% of 0.1, in 80 of 200 steps; the loss is still 31%",
        "slow_progress",
    ),
    (squared_rate, {}, True, 11, "is 0.01, the square of the optimizer's lr=0.1", "slow_progress"),
    (squared_rate, {"share": 0.95}, True, 11, "the function of the schedule returns learning rates", "slow_progress"),
    (schedule, {"until": 50, "cost": settling_at(0.11)}, False, 26, "loss was still falling at step 50", "plateau"),
    (clipping_too_hard, {}, False, 23, "90% of the gradients are clipped to norm 0.99 (usual", "slow_progress"),
    (momentum_mismatch, {}, False, 10, "0.95 lengthens the steps 20 times: α·λmax/(1−μ) is 2.2", "oscillation"),
    (warm_start, {}, False, 30, "at a loss of 1.13, while the first stage began at 2.3", "cliff"),
    (warm_start, {"peak": 4.2}, True, 30, "above the loss of untrained weights", "cliff"),
    (loaded_weights, {}, False, 10, "3 of its 6 tensors, and the first loss is 1.13", "instability"),
    (outrun, {}, False, 10, "by 1 times their own norm (limit: 1):", "dead_units"),
    (outrun, {"rule": "Lion"}, False, 10, "a learning rate of 0.5 is too large for weights", "dead_units"),
    (unstable, {}, False, 10, "is 2.1 at step 0 (stability limit: 2), and the loss ends near", "oscillation"),
    (unstable, {"cost": rising}, False, 10, "and the loss rises", "cliff"),
    (unstable, {"curvature": 41.0, "cost": falling_to(0.35)}, False, 10, "goes up and down", "covariate_shift"),
    (unstable, {"curvature": 39.0, **MOMENTUM}, False, 10, "3.9 at step 0 (stability limit: 3.8)", "fluctuations"),
    (unstable_adaptive, {}, True, 10, "39 at step 10 (stability limit: 38), and the loss becomes NaN", "cliff"),
    (unstable_adaptive, {"diverges": False, "left": 0.95}, False, 10, "and the loss ends near that", "cliff"),
    (not_finite, {}, True, 10, "becomes NaN or infinite at step 199; no earlier step exceeded", "vanishing_gradients"),
    (not_finite, {"eps": 1e-8, "smallest_subnormal": 6e-8}, True, 10, "eps = 1e-08 rounds to 0", "cliff"),
    (cliff, {}, False, 25, "at step 100, after the loss had fallen, it jumps to 5.1 times", "dead_units"),
    (spike, {}, False, 25, "at step 100 the gradient norm is 21 times its usual value", "dead_units"),
    (oscillation, {}, False, 10, "curvature is 1.71, just below the stability limit of 2", None),
    (oscillation, {"curvature": 32.4, **MOMENTUM}, False, 10, "3.24, just below the stability limit of 3.8", None),
    (slow_progress, {}, False, 10, "at most 0.099 (stability limit: 2)", "stopped_too_early"),
    (slow_progress, {"curvature": 0.18, **MOMENTUM}, False, 10, "at most 0.18 (stability limit: 3.8)", "plateau"),
    (tiny_updates, {}, False, 10, "changes the weights by 9.9e-05 of their norm", "stopped_too_early"),
    (tiny_updates, {"ratio": 4.9e-4}, False, 10, "all 200 steps together change the weights", "plateau"),
    (ill_conditioned_curvature, {"fallen": 0.53}, False, 10, "a condition number of 20", "stopped_too_early"),
    (ill_conditioned_curvature, {}, False, 10, "is still 11% of that of the best constant prediction", "slow_progress"),
    (ill_conditioned_curvature, {"lowest": 0.01}, False, 10, "show that this number is at least 410", None),
    (ill_conditioned_curvature, {"lowest": -0.01}, False, 10, "corresponds to a condition number of 1,772", None),
    (ill_conditioned_curvature, {"fallen": -0.1}, False, 10, "a condition number of 8,200 or more", "slow_progress"),
    (fluctuations, {}, False, 10, "the losses vary by 41%", None),
    (fluctuations, {"falls": 0.14}, False, 10, "of their mean (limit: 40%), which no longer falls", None),
    (local_optima, {"falls": 0.019}, False, 5, "a network of only", None),
    (local_optima, {}, False, 5, "the loss has stopped falling at 31%", None),
    (overfitting, {"evaluations": 5, "least_at": 0}, False, 5, "from 1 at step 0 to 1.31", None),
    (overfitting, {}, False, 5, "from 1 at step 60 to 1.31", None),
    (stragglers, {}, True, 24, "rank 2 takes 0.031 s before its backward pass, the others 0.02 s", None),
    (stragglers, {"ranks": 2, "usual": 0.0}, True, 24, "rank 1 takes 0.031 s before its", None),
    (now_and_then, {}, False, 24, "the slowest rank, which differs between steps, takes 0.04 s", None),
    (batch_size, {}, False, 3, "averages 129 examples (usual: 32)", "stopped_too_early"),
    (batch_size, {"examples": 1000, "batches": 2, "noise": 124.0}, False, 3, "500 examples (gradient noise", None),
    (stopped_too_early, {"cost": lambda t: 0.8 - 0.1 * t}, False, 25, "by 6% over", None),
    (stopped_too_early, {"left": 0.54}, False, 25, "54% of the reference loss is left", None),
    (stopped_too_early, {}, False, 25, "after 200 steps while the loss is still falling, by 52% over", None),
]  # fmt: skip


@pytest.mark.parametrize("run, changes, certain, line, says, consequence", SHOWN, ids=named)
def test_reported(run, changes, certain, line, says, consequence):
    symptom = look(run, **changes)
    assert symptom.id == RUNS[run] and symptom.kind == "dynamics"
    assert symptom.certain == certain and symptom.where.line == line
    assert says in symptom.sentence and (consequence is None or consequence in symptom.explains)


LEFT_ALONE = {
    # The learning rate falls late, falls less, or rises again in a cycle; a schedule may end at zero.
    squared_rate: [{"share": 0.8}, {"rule": "StepLR"}, {"largest": 0.1}],
    schedule: [{"until": 121}, {"tiny": 2.1e-3}, {"back": 199}, {"left": 0.29}, {"until": 180, "tiny": 0.0}]
    # The run had already learned its task.
    + [{"until": 50, "cost": settling_at(0.09)}, {"until": 104, "cost": settling_at(0.11)}],
    clipping_too_hard: [{"limit": 1.01}, {"cut": 0.85}, {"left": 0.29}, {"function": "clip_grad_value_"}]
    + [{"limit": 10.0}, {"limit": inf}]  # The threshold is the usual norm, or infinite to return the norm only.
    + [ADAM]  # Adam divides by the size of the gradient, with or without clipping.
    + [{"rule": "Lion"}, {"rule": "Muon"}],  # Their steps do not depend on the size of the gradient.
    momentum_mismatch: [
        {"curvature": 0.9},
        {"momentum": 0.94, "curvature": 3.0},
        {"dampening": 0.95},
        {"left": 0.29},
        {"momentum": 1.0},
        {"rule": "Muon"},
    ],
    warm_start: [{"start": 0.51}, {"peak": 1.2}, {"peak": 0.5}, {"risen_at": 60}, {"made_at": 0}],
    loaded_weights: [{"start": 0.51, "peak": 0.7}, {"start": 0.05, "peak": 0.09}, {"left": 0.09}, {"risen_at": 101}]
    + [{"tensors": 2}, {"peak": 0.5}],
    outrun: [{"ratio": 0.99}, {"left": 0.09}, {"rule": "SGD"}, {"ratio": nan}],
    unstable: [{"curvature": 19.9}, {"cost": falling_to(0.89)}, {"since": 110}, {"curvature": 37.0, **MOMENTUM}]
    + [{"curvature": 39.0, "cost": falling_to(0.01)}]  # The run trains at the edge of stability.
    + [{"curvature": 41.0, "cost": falling_to(0.32)}, {"curvature": 39.0, "cost": falling_to(0.35)}],
    unstable_adaptive: [{"diverges": False}, {"diverges": False, "left": 0.95, "lr": 1e-3, "curvature": 4e4}],
    spike: [{"ratio": 19.0}, {"up": 0.99}, {"lasts": 2}, {"left": 0.29}, {"ratio": inf}, {"at": 19}],
    cliff: [{"lasts": 2}, {"jump": 4.9}, {"left": 0.29}, {"level": 0.91}, {"at": 19}],
    oscillation: [{"curvature": 16.9}, {"near": 9}, {"cost": settling_at(0.009)}, {"cost": rising}, ADAM]
    + [{"curvature": 32.2, **MOMENTUM}, {"curvature": 20.1}],  # Above the limit, `instability` is reported.
    slow_progress: [{"curvature": 2.41}, {"cost": falling_to(0.39)}, {"cost": rising}, {"curvature": 0.46, **MOMENTUM}],
    tiny_updates: [{"ratio": 5.1e-4}, {"cost": falling_to(0.39)}, {"cost": rising}]
    # The run was cut off; a step of SGD has no fixed length.
    + [{"ratio": 1.01e-4, "reason": "window"}, {"ratio": 1.01e-4, "rule": "SGD"}],
    ill_conditioned_curvature: [{"curvature": 3.9}, {"fallen": 0.54}, {"left": 0.09}, {"cost": rising}, MOMENTUM, ADAM],
    fluctuations: [{"spread": 0.39}, {"left": 0.09}, {"steps": 58}, {"falls": 0.3}, {"last_rate": 0.049}],
    local_optima: [{"parameters": 501}, {"parameters": 0}, {"left": 0.29}, {"left": 1.06}, {"falls": 0.021}],
    overfitting: [
        {"rise": 1.29},
        {"least_at": 4},
        {"evaluations": 4, "least_at": 0},
        {"training": rising},
        {"rise": nan},
    ],
    stragglers: [{"slow": 0.029}, {"step": 0.056}, {"readings": 4}, {"ranks": 1}],
    now_and_then: [{"slow": 0.015}, {"every": 40}],
    batch_size: [{"examples": 127}, {"examples": 256, "batches": 2, "noise": 33.0}, {"reason": "window"}]
    + [{"left": 0.09}, {"cost": settling_at(0.5)}, {"cost": rising}],
    stopped_too_early: [{"reason": "window"}, {"reason": "failed"}, {"left": 0.19}, {"cost": settling_at(0.5)}]
    + [{"left": 0.95}, {"cost": lambda t: 0.45 - 0.1 * t}, {"cost": rising}],
}


@pytest.mark.parametrize("run, changes", neighbours(LEFT_ALONE), ids=named)
def test_not_reported(run, changes):
    assert look(run, **changes) is None


def test_a_loss_that_suddenly_becomes_infinite_is_a_cliff():
    assert look(cliff, jump=inf, left=0.01).value == inf


def test_the_first_steps_of_an_adaptive_optimizer_are_not_checked():
    record = unstable_adaptive()
    record.readings["preconditioned_curvature", "0"] = ([2, 10], [1e4, 1.0])
    assert "no earlier step exceeded" in detect("instability", record).sentence
    record.readings["preconditioned_curvature", "0"] = ([3, 10], [1e4, 1.0])
    assert "at step 3 (stability limit" in detect("instability", record).sentence


def test_the_first_step_is_compared_with_weights_but_not_with_biases():
    assert look(outrun, bias=0.0).value == look(outrun, bias=1e3).value == 1.01


def test_weights_that_start_at_zero_do_not_show_the_length_of_the_first_step():
    record = outrun(ratio=0.5)
    record.readings["update_ratio", "2.weight"] = ([10], [9.0])  # The gradient was measured from step 0.
    assert detect("instability", record) is None


def test_a_cliff_is_at_the_first_step_whose_loss_is_nan():
    record = cliff(at=100)
    set_series(record, "loss", "0", [2.3] * 20 + [1.0] * 80 + [nan] * 100)
    assert "at step 100, " in detect("cliff", record).sentence


def test_clipping_at_zero_is_too_hard():
    symptom = look(clipping_too_hard, limit=0.0)
    assert symptom.value == 0.0 and "inf times shorter" in symptom.sentence


def test_a_learning_rate_that_never_rises_is_reported():
    record = schedule(until=0, tiny=1e-4)  # The optimizer is created with 0.1, and the warm-up never ends.
    assert "stays below" in detect("schedule", record).sentence


def test_a_gan_is_not_reported_as_a_warm_start():
    record = healthy(**ADAM)
    set_cost(record, rising)
    second_optimizer(record, [0.69 + step / 100 for step in range(STEPS)], **ADAM)
    assert detect("warm_start", record) is None


def test_a_linear_model_has_no_local_optima():
    record = local_optima()
    for what in (facts.Activation, "activation_scale", "dead_share"):
        forget(record, what)
    assert detect("local_optima", record) is None


def test_clipped_gradients_exclude_ill_conditioned_curvature():
    record = ill_conditioned_curvature()
    observe(record, facts.Clip("clip_grad_norm_", limit=0.1))
    record.readings["clipped_norm", ""] = ([*range(20)], [1.0] * 20)
    assert detect("ill_conditioned_curvature", record) is None
    record.readings["clipped_norm", ""] = ([*range(20)], [0.01] * 20)  # Almost no gradient is clipped.
    assert detect("ill_conditioned_curvature", record) is not None


@pytest.mark.parametrize("rule", ["Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Rprop"])
def test_an_adaptive_optimizer_uses_the_preconditioned_curvature(rule):
    record = healthy(**{"rule": rule})
    assert curvature_name(record, "0") is None  # The plain curvature is not what limits its steps.
    probe(record, "preconditioned_curvature", "0", 5.0)
    assert curvature_name(record, "0") == "preconditioned_curvature"


def test_gradient_descent_uses_the_plain_curvature():
    assert curvature_name(healthy(), "0") == "curvature"


@pytest.mark.parametrize(
    ("reason", "curvature", "shown"), [("finished", 2.3, True), ("window", 2.3, False), ("window", 0.9, True)]
)
def test_the_limit_for_slow_progress_is_lower_if_the_run_was_cut_off(reason, curvature, shown):
    record = slow_progress(curvature=curvature)
    record.ending = replace(record.ending, reason=reason)
    assert (detect("slow_progress", record) is not None) == shown


def test_remedies_for_stragglers_are_predicted_from_their_times():
    """A step of 50 ms takes 31 ms on the slowest rank alone, 20 ms on each other rank, and 19 ms on all together."""
    gains = predicted_speedups(stragglers(), 0.05)
    even = 3 / (2 / 0.02 + 1 / 0.031)
    expected = [0.05 / (even + 0.019), 0.05 / 0.039 * 2 / 3, 1.0, (2 * 0.05 / 0.039 + 1) / 3]
    assert list(gains.values()) == pytest.approx(expected)


@pytest.mark.parametrize("accuracy, is_shown", [(0.92, False), (0.88, True)])  # The untrained value is 0.1.
def test_a_run_with_high_accuracy_has_not_stopped_too_early(accuracy, is_shown):
    record = stopped_too_early()
    observe(record, facts.MetricName(rises=True, is_share=True, is_loss=False, is_held_out=True), "test accuracy")
    observe(record, facts.UntrainedMetric(0.1), "test accuracy")
    record.add(Reading("logged_metric", "test accuracy", STEPS, accuracy))
    assert (detect("stopped_too_early", record) is not None) is is_shown
