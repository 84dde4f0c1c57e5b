"""The mean of the last half of the iterates, at a constant learning rate."""

from torch.optim.swa_utils import AveragedModel

from descend.claims.tasks import Task
from descend.claims.training import Recipe, Run, training


def averaged(task: Task, recipe: Recipe, lr: float, seed: int) -> tuple[Run, Run]:
    """Return the run after its last step, and the same with the mean of its last half of iterates as the model."""
    mean: AveragedModel | None = None
    for run in training(task, recipe, lr, seed):
        if run.step == run.total // 2:
            mean = AveragedModel(run.model)
        if mean is not None:
            mean.update_parameters(run.model)
    assert mean is not None
    return run, Run(task, run.data, mean, run.optimizer, run.total, run.step)
