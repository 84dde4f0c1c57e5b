"""Hogwild!: two processes that train one network in shared memory without locks, against one process."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.optim import SGD

from descend.claims.claim import Measured, Scale, Settings
from descend.claims.experiments.pairs import tuned
from descend.claims.tasks import TASKS, Build, Task
from descend.claims.training import Recipe, Run, reshuffled, trained, training_loss
from descend.parallel import hogwild

PROCESSES = 2
RECIPE = Recipe()


@dataclass(frozen=True)
class LockFree:
    """The training loss after as many updates, of two processes without locks and of one process."""

    scale: Scale = Scale.RATIO

    def prepare(self, condition: str) -> Settings:
        """Return the learning rate that is best for one process; both use it."""
        return {"lr": tuned(TASKS[condition], RECIPE, training_loss)}

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return the losses of both."""
        task, lr = TASKS[condition], settings["lr"].lr
        alone = trained(task, RECIPE, lr, seed)
        torch.manual_seed(seed)
        shared = task.network(Build())
        hogwild(_train, shared, PROCESSES, (condition, lr, seed))
        together = Run(task, alone.data, shared, alone.optimizer, alone.total)
        return training_loss(together), training_loss(alone)


def _train(rank: int, model: nn.Module, condition: str, lr: float, seed: int) -> None:
    """Make a process's share of the updates, on its own order of all examples."""
    task: Task = TASKS[condition]
    data = task.examples(seed)
    optimizer = SGD(model.parameters(), lr=lr)
    batches = reshuffled(data, RECIPE.batch_size, PROCESSES * seed + rank)
    for _ in range(task.steps // PROCESSES):
        batch = next(batches)
        optimizer.zero_grad()
        task.loss(model(data.x[batch]), data.y[batch]).backward()
        optimizer.step()
