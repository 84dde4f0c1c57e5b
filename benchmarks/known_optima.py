"""Whether the search of `descend compare` finds optima that are known: of quadratics, and of convex problems.

python benchmarks/known_optima.py
"""

from collections.abc import Callable, Iterator
from math import sqrt
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from small_comparisons import constants_choice, small_study, training_path, tune, with_constants

from descend.doctor.compare.choice import Choice, Dimension
from descend.doctor.compare.result import TriedValues

CONDITIONS = (10, 50, 250)  # ratios of the largest and the smallest curvature; the largest one is 1
TRIALS, TRIALS_OF_TWO = 12, 32  # runs of the search for one setting, and for two
GRID_STEP = sqrt(10.0)  # the finest grid of the search: half a decade
RATES = Dimension("LR", 1e-4, 10.0)
PROBLEMS = ("ridge regression", "robust regression", "logistic regression", "softmax regression")
OPTIMIZERS = ("SGD", "Adam", "Rprop")
Scale = Callable[[float], float]


def best_rate(condition: float) -> float:
    """Return the learning rate with which gradient descent converges fastest (Polyak 1964, §2)."""
    return 2 / (1 / condition + 1)


def best_heavy_ball(condition: float) -> tuple[float, float]:
    """Return the learning rate and the momentum with which the heavy ball converges fastest (Polyak 1964, §3)."""
    low = sqrt(1 / condition)
    return 4 / (1 + low) ** 2, ((1 - low) / (1 + low)) ** 2


def quadratics() -> Iterator[str]:
    """Yield a table of the settings that are found for quadratics, and of the best ones."""
    yield "| largest / smallest curvature | setting | found | best | within one grid step |"
    yield "|---" * 5 + "|"
    momentum = Dimension("MOMENTUM", 0.0, 0.999, is_log=False)
    for condition in CONDITIONS:
        rate, (ball, inertia) = best_rate(condition), best_heavy_ball(condition)
        alone = constants_choice("gradient descent", [RATES], [{"LR": 0.1}])
        values = find_best_values(alone, TRIALS, condition, 3 * condition).values
        yield _row(condition, "learning rate", values["LR"], rate, lambda lr: lr)
        both = constants_choice("heavy ball", [RATES, momentum], [{"LR": 0.1, "MOMENTUM": 0.9}])
        values = find_best_values(both, TRIALS_OF_TWO, condition, round(10 * sqrt(condition))).values
        yield _row(condition, "learning rate of the heavy ball", values["LR"], ball, lambda lr: lr)
        yield _row(condition, "momentum of the heavy ball", values["MOMENTUM"], inertia, lambda m: 1 - m)


def find_best_values(choice: Choice, trials: int, condition: float, steps: int) -> TriedValues:
    """Return the best values that the search finds for a quadratic. steps: number of steps of each run."""
    with small_study("quadratic", 0, {"LOWEST": 1 / condition, "STEPS": steps}) as (study, metric):
        [tuned] = tune(study, metric, [choice], trials)
    assert tuned.best is not None
    return tuned.best


def is_close(value: float, best: float, scale: Scale) -> bool:
    """Return whether a value is within one step of the grid; for a momentum, 1 − momentum is on a grid."""
    return 1 / GRID_STEP <= scale(value) / scale(best) <= GRID_STEP


def _row(condition: float, setting: str, value: float, best: float, scale: Scale) -> str:
    """Return the row of one setting in the table of quadratics."""
    close = "yes" if is_close(value, best, scale) else "NO"
    return f"| {condition} | {setting} | {value:.3g} | {best:.3g} | {close} |"


def convex_problems() -> Iterator[str]:
    """Yield a table of how far the tuned optimizers are from SciPy's optimum of convex problems."""
    yield "| problem | SciPy's optimum | " + " | ".join(f"{name}, above it" for name in OPTIMIZERS) + " |"
    yield "|---" * (2 + len(OPTIMIZERS)) + "|"
    for problem in PROBLEMS:
        optimum = scipy_optimum(problem)
        choices = [constants_choice(name, [RATES], [{"LR": 0.01}], {"OPTIMIZER": name}) for name in OPTIMIZERS]
        with small_study("convex", 0, {"PROBLEM": problem}) as (study, metric):
            tuned = tune(study, metric, choices, TRIALS)
        bests = [one.best.value - optimum if one.best else float("nan") for one in tuned]
        yield f"| {problem} | {optimum:.6f} | " + " | ".join(f"{best:.1e}" for best in bests) + " |"


def scipy_optimum(problem: str) -> float:
    """Return the smallest value of a convex problem of `small_trainings/convex.py`."""
    text = training_path("convex").read_text(encoding="utf-8")
    own: dict[str, Any] = {"__name__": "convex"}
    exec(with_constants(text, {"PROBLEM": problem}), own)
    own["rows"] = own["rows"].double()
    if own["targets"].is_floating_point():
        own["targets"] = own["targets"].double()
    columns, outputs = own["rows"].shape[1], 3 if problem == "softmax regression" else 1

    def value_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        parameters = torch.tensor(flat, requires_grad=True)
        weight = parameters[: columns * outputs].view(columns, outputs)
        value = own["objective"](weight, parameters[columns * outputs :])
        [gradient] = torch.autograd.grad(value, parameters)
        return value.item(), gradient.numpy()

    start = np.zeros(columns * outputs + outputs)
    return float(minimize(value_and_gradient, start, jac=True, method="BFGS", options={"gtol": 1e-9}).fun)


if __name__ == "__main__":
    print(*quadratics(), "", *convex_problems(), sep="\n")
