"""Runs of the scripts in `workloads/`: a search as users write it with Optuna, and runs with fresh seeds."""

import contextlib
import io
import os
import re
import runpy
import tempfile
from collections.abc import Sequence
from math import inf, nan
from pathlib import Path
from typing import Any

import optuna
from side_by_side import HERE

from descend.doctor.compare.known_optimizers import find_optimizer

FOLDER = HERE / "workloads"
NAMES = ("communities_gnn", "digits_autoencoder", "digits_cnn", "series_lstm", "tabular", "text_gpt")
RATES = (1e-5, 1.0)  # range of learning rates of the plain search
OPTIMIZER = re.compile(r"^optimizer = .*$", re.MULTILINE)


def text_of(name: str) -> str:
    """Return the text of a workload."""
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")


def metric_of(name: str) -> str:
    """Return the metric on which a workload is judged: its accuracy if it logs one, or else its loss."""
    return "test accuracy" if "test accuracy" in text_of(name) else "test loss"


def with_seed(text: str, seed: int) -> str:
    """Return the text of a workload with another seed."""
    changed, count = re.subn(r"^SEED = \d+$", f"SEED = {seed}", text, flags=re.MULTILINE)
    assert count == 1, f"the script defines SEED {count} times"
    return changed


def with_optimizer(text: str, name: str, lr: float) -> str:
    """Return the text of a workload with another optimizer. It has the usual settings, except for the learning rate."""
    known = find_optimizer(name)
    module = known.needs or "torch.optim"
    settings = "".join(f", {argument}={value!r}" for argument, value in known.settings.items())
    line = f"optimizer = {module}.{known.class_name}(model.parameters(), lr={lr!r}{settings})"
    changed, count = OPTIMIZER.subn(line, text)
    assert count == 1, f"the script makes {count} optimizers"
    return f"import {module}\n{changed}"


def final_metric(text: str, metric: str) -> float:
    """Run the text of a workload in this process; return the last logged value of a metric, NaN without any."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(printed):
        path = Path(folder, "train.py")
        path.write_text(text, encoding="utf-8")
        runpy.run_path(str(path), run_name="__main__")
    values = re.findall(rf"{re.escape(metric)} (\S+)", printed.getvalue())
    return float(values[-1]) if values else nan


def cost_of(value: float, metric: str) -> float:
    """Return the cost of a metric's value: the error of an accuracy, or the loss itself; infinite if unknown."""
    cost = 1 - value if "accuracy" in metric else value
    return cost if cost == cost else inf


def costs_on_seeds(text: str, metric: str, seeds: Sequence[int]) -> list[float]:
    """Return the final costs of a workload with these seeds."""
    return [cost_of(final_metric(with_seed(text, seed), metric), metric) for seed in seeds]


def plain_search(text: str, metric: str, optimizers: Sequence[str], runs: int) -> dict[str, Any]:
    """Search the optimizer and its learning rate with Optuna's defaults and one seed; return the best run.

    This is the usual script: one study with a categorical parameter, and the final metric as its objective.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: optuna.Trial) -> float:
        name = trial.suggest_categorical("optimizer", list(optimizers))
        lr = trial.suggest_float("lr", *RATES, log=True)
        cost = cost_of(final_metric(with_optimizer(text, name, lr), metric), metric)
        return cost if cost < inf else 1e9

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=runs)
    return {"optimizer": study.best_params["optimizer"], "lr": study.best_params["lr"], "cost": study.best_value}
