"""Training curves against the number of updates coincide, however a batch is split between processes."""

import torch

from descend.claims.claim import Claim, Measured, Scale, Settings, below
from descend.claims.experiments.untuned import Untuned
from descend.claims.tasks import TASKS, Build, Split, Task
from descend.claims.training import reshuffled

SIZE, UPDATES, LR = 64, 200, 0.05


class SplitBatches(Untuned):
    """The largest relative difference between two curves: with whole batches, and with batches in parts."""

    scale = Scale.VALUE

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return the difference for one seed."""
        name, parts = condition.split(", ")
        task = TASKS[name]
        data = task.examples(seed)
        whole, split = (_curve(task, data, seed, number) for number in (1, int(parts.split()[0])))
        return (max(abs(a - b) / a for a, b in zip(whole, split)),)


def _curve(task: Task, data: Split, seed: int, parts: int) -> list[float]:
    """Return the loss before each update, whose gradient is the mean of those of the batch's parts."""
    torch.manual_seed(seed)
    model = task.network(Build())
    parameters, batches, losses = list(model.parameters()), reshuffled(data, SIZE, seed), []
    for _ in range(UPDATES):
        shares = next(batches).chunk(parts)
        computed = [task.loss(model(data.x[share]), data.y[share]) for share in shares]
        gradients = [torch.autograd.grad(loss, parameters) for loss in computed]
        losses.append(sum(loss.item() for loss in computed) / parts)
        with torch.no_grad():
            for parameter, *each in zip(parameters, *gradients):
                parameter -= LR * torch.stack(each).mean(0)
    return losses


CLAIM = Claim(
    sentence="Training curves against the number of updates coincide, however the batch is split between processes.",
    source="Optimization for Training Deep Models 2018, Hybrid data and model parallelism; Yadan et al. 2013",
    refuted_by="losses that differ by more than one per cent",
    figure="largest relative difference of the loss in 200 updates, whole batch against parts",
    expected=below(0.01),
    experiment=SplitBatches(),
    conditions=("digits, 2 parts", "digits, 4 parts", "text, 4 parts"),
    caution="The parts are computed one after another; `descend.parallel` is tested to agree with this to round-off.",
)
