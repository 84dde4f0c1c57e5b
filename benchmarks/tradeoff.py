"""The table of batch, one-example and mini-batch descent, measured (Ruder 2017, Mini-batch gradient descent)."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import ceil, exp, log
from statistics import fmean

import torch

from descend.claims.experiments.pairs import tuned
from descend.claims.tasks import TASKS, Build
from descend.claims.training import Recipe, Run, trained, training_loss
from descend.core.interval import mean_interval
from descend.doctor.report.formatting import interval, number
from descend.landscape.batch_sizes import kept_bytes
from descend.schedules import Cosine

Write = Callable[..., None]
TASK = TASKS["digits"]
EXAMPLES = len(TASK.examples(0).x)
SIZES = {"all examples": EXAMPLES, "32 examples": 32, "one example": 1}
PASSES, SEEDS = 10, 10


def of_tradeoff(write: Write) -> None:
    """Measure the loss, the accuracy, the time and the memory of each batch size after as many passes."""
    write(
        f"Digits, a network with two hidden layers, {PASSES} passes over {EXAMPLES} examples. Each batch size and each",
        f"schedule has its own tuned learning rate. Means of {SEEDS} seeds with 95 % intervals, geometric for losses.",
        "",
        "### Loss and accuracy",
        "",
        "| a step sees | learning rate | training loss | held-out accuracy, % |",
        "|---|---|---|---|",
        *losses(),
        "",
        "### Cost",
        "",
        "| a step sees | steps a second | seconds a pass | kept for the backward pass | works as data stream in |",
        "|---|---|---|---|---|",
        *costs(),
        "",
    )


def recipes() -> Iterator[tuple[str, str, Recipe]]:
    """Yield each batch size with a constant learning rate, and with one that is annealed to 0."""
    for name, size in SIZES.items():
        steps_in_a_pass = ceil(EXAMPLES / size) if size == EXAMPLES else EXAMPLES // size
        constant = Recipe(batch_size=size, steps=PASSES * steps_in_a_pass / TASK.steps)
        yield name, "constant", constant
        yield name, "annealed to 0", replace(constant, schedule=Cosine)


def losses() -> Iterator[str]:
    """Yield a row for each batch size and schedule."""
    torch.set_num_threads(1)
    for name, schedule, recipe in recipes():
        lr = tuned(TASK, recipe, training_loss).lr
        runs = [trained(TASK, recipe, lr, seed) for seed in range(SEEDS)]
        loss, correct = geometric_mean([training_loss(run) for run in runs]), mean([100 * accuracy(r) for r in runs])
        yield f"| {name} | {number(lr)}, {schedule} | {loss} | {correct} |"


def costs() -> Iterator[str]:
    """Yield a row for each batch size: times of single passes, which follow each other in turn."""
    torch.set_num_threads(1)
    constant = {name: recipe for name, schedule, recipe in recipes() if schedule == "constant"}
    seconds: dict[str, list[float]] = {name: [] for name in constant}
    for seed in range(SEEDS):
        for name, recipe in constant.items():
            began = time.perf_counter()
            trained(TASK, recipe, 0.01, seed)
            seconds[name].append((time.perf_counter() - began) / PASSES)
    for name, taken in seconds.items():
        steps = constant[name].steps * TASK.steps / PASSES
        speed, one_pass = mean([steps / each for each in taken]), mean(taken)
        online = "no" if SIZES[name] == EXAMPLES else "yes"
        yield f"| {name} | {speed} | {one_pass} | {kept(SIZES[name]) / 1024:.0f} kB | {online} |"


def mean(values: Sequence[float]) -> str:
    """Return the mean of some values with its interval."""
    return f"{number(fmean(values))} ({interval(*mean_interval(values))})"


def geometric_mean(values: Sequence[float]) -> str:
    """Return the geometric mean of some positive values with its interval."""
    logarithms = [log(value) for value in values]
    return f"{number(exp(fmean(logarithms)))} ({interval(*map(exp, mean_interval(logarithms)))})"


@torch.no_grad()
def accuracy(run: Run) -> float:
    """Return the share of the held-out examples that are classified correctly."""
    return (run.model(run.data.x_out).argmax(1) == run.data.y_out).float().mean().item()


def kept(size: int) -> int:
    """Return the bytes that autograd stores between the forward and the backward pass, without the weights."""
    data, model = TASK.examples(0), TASK.network(Build())
    x, y = data.x[:size].clone(), data.y[:size].clone()
    return kept_bytes(lambda: TASK.loss(model(x), y), model.parameters())
