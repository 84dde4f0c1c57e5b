"""What is done with the iterates of training: averaged, stopped, kept, resumed, started again.

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

from descend.iterates.average import bias_corrected_ema, swapped_in
from descend.iterates.checkpoint import Checkpoint
from descend.iterates.early_stopping import EarlyStopping
from descend.iterates.restarts import RestartOnPlateau, random_restarts
from descend.iterates.snapshots import SnapshotEnsemble

__all__ = [
    "Checkpoint",
    "EarlyStopping",
    "RestartOnPlateau",
    "SnapshotEnsemble",
    "bias_corrected_ema",
    "random_restarts",
    "swapped_in",
]
