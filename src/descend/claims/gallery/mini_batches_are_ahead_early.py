"""Stochastic gradient descent is ahead of batch gradient descent at the beginning."""

from descend.claims.claim import Claim, below
from descend.claims.experiments.passes import EqualPasses

CLAIM = Claim(
    sentence="Stochastic gradient descent is faster at the beginning: after five passes over the data its loss is less "
    "than half of that of batch gradient descent.",
    source="Cheng, COMP5211 lecture 4, Stochastic gradient descent vs Gradient descent; Ruder 2017, Stochastic "
    "gradient descent",
    refuted_by="a training loss of more than half of that of batch gradient descent after five passes",
    figure="training loss with batches of 32 / with all examples at once, after five passes",
    expected=below(0.5),
    experiment=EqualPasses(passes=5),
    conditions=("digits", "text", "table", "images"),
)
