"""Hogwild! loses accuracy on dense data."""

from descend.claims.claim import Claim, above
from descend.claims.experiments.lock_free import LockFree

CLAIM = Claim(
    sentence="Parallel updates without locks (Hogwild!) only work for sparse data: on dense data they overwrite each "
    "other, and the loss is higher.",
    source="Ruder 2017, Parallelizing and distributing SGD; Niu et al. 2011",
    refuted_by="a training loss that is not at least 5 % higher than with one process, after as many updates",
    figure="training loss of two processes without locks / of one process",
    expected=above(1.0),
    experiment=LockFree(),
    conditions=("digits", "table", "images"),
    caution="Two processes. More of them, on more cores, overwrite more.",
)
