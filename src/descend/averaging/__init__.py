"""Weight averaging, early stopping, checkpoints, restarts and snapshot ensembles.

averaged = AveragedModel(model, multi_avg_fn=bias_corrected_ema(0.999))  # torch's
checkpoint = Checkpoint("run.pt", model=model, optimizer=optimizer, scheduler=scheduler)
first = checkpoint.resume() or 0
for step in range(first, 1000):
    ...
    averaged.update_parameters(model)
    checkpoint.save(step + 1)
with swapped_in(model, averaged, batches=loader):
    evaluate(model)
"""

from descend.averaging.average import bias_corrected_ema, swapped_in
from descend.averaging.checkpoint import Checkpoint
from descend.averaging.early_stopping import EarlyStopping
from descend.averaging.restarts import RestartOnPlateau, random_restarts
from descend.averaging.snapshots import SnapshotEnsemble

__all__ = [
    "Checkpoint",
    "EarlyStopping",
    "RestartOnPlateau",
    "SnapshotEnsemble",
    "bias_corrected_ema",
    "random_restarts",
    "swapped_in",
]


def __dir__() -> list[str]:
    return __all__
