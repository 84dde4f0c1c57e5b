"""Training examples that are drawn in proportion to their errors."""

from dataclasses import replace

import torch
from torch.nn.functional import cross_entropy

from descend.claims.tasks import Task
from descend.claims.training import Recipe, Run, ordered_by, training
from descend.data import ErrorWeighted


def drawn_by_error(task: Task, recipe: Recipe, lr: float, seed: int, *, guard: bool = True) -> Run:
    """Return a run whose examples are drawn in proportion to their latest errors. guard: against outliers."""
    sampler = ErrorWeighted(len(task.examples(seed).x), seed, guard=guard)

    by_error = ordered_by(lambda data, seed: sampler)
    for run in training(task, replace(recipe, batches=by_error), lr, seed):
        with torch.no_grad():
            outputs = run.model(run.data.x[run.batch])
            sampler.update(run.batch, cross_entropy(outputs, run.data.y[run.batch], reduction="none").nan_to_num(100.0))
    return run
