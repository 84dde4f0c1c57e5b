"""Hogwild! loses no accuracy on sparse data."""

from descend.claims.claim import Claim, Expected
from descend.claims.experiments.lock_free import LockFree

CLAIM = Claim(
    sentence="Parallel updates without locks (Hogwild!) lose no accuracy on sparse data.",
    source="Ruder 2017, Parallelizing and distributing SGD; Niu et al. 2011",
    refuted_by="a training loss that is more than 5 % higher than with one process, after as many updates",
    figure="training loss of two processes without locks / of one process",
    expected=Expected(high=1.05, relevant=0.0),
    experiment=LockFree(),
    conditions=("clicks", "words"),
    caution="Accuracy only; `python benchmarks/run.py hogwild` measures the speed.",
)
