"""Schedules of the learning rate, the momentum or the batch size, as functions of the step.

schedule = Cosine(total_steps=1000).after_warmup(50)
scheduler = Scheduler(optimizer, lr=schedule)  # call scheduler.step() after optimizer.step()
"""

from descend.schedules.batch_scaling import scale_lr
from descend.schedules.cycles import CosineCycle, Triangular, WarmRestarts
from descend.schedules.decays import Cosine, Exponential, InversePower, InverseTime, Linear, Noam, Step
from descend.schedules.plateau import ReduceLROnSmoothedPlateau
from descend.schedules.range_test import RangeTest, lr_grid, range_test
from descend.schedules.schedule import Constant, Schedule, Warmup
from descend.schedules.scheduler import Scheduler

__all__ = [
    "Constant",
    "Cosine",
    "CosineCycle",
    "Exponential",
    "InversePower",
    "InverseTime",
    "Linear",
    "Noam",
    "RangeTest",
    "ReduceLROnSmoothedPlateau",
    "Schedule",
    "Scheduler",
    "Step",
    "Triangular",
    "WarmRestarts",
    "Warmup",
    "lr_grid",
    "range_test",
    "scale_lr",
]


def __dir__() -> list[str]:
    return __all__
