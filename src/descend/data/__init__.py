"""Scaling, whitening, ordering, sampling and augmentation of training examples.

model = nn.Sequential(Standardise(loader), model)
loader = DataLoader(dataset, batch_size=32, sampler=SpreadClasses(labels))
batches = GrowingBatches(Reshuffled(len(dataset)), batch_size=32, schedule=Step(1000, decay=5), most=4096)
"""

from descend.data.augment import GaussianNoise, RandomAffine
from descend.data.errors import ErrorWeighted
from descend.data.growing_batches import GrowingBatches
from descend.data.order import Curriculum, Order, Reshuffled, SpreadClasses
from descend.data.standardise import Standardise
from descend.data.whiten import Whiten

__all__ = [
    "Curriculum",
    "ErrorWeighted",
    "GaussianNoise",
    "GrowingBatches",
    "Order",
    "RandomAffine",
    "Reshuffled",
    "SpreadClasses",
    "Standardise",
    "Whiten",
]


def __dir__() -> list[str]:
    return __all__
