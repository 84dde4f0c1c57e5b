"""If time were proportional to the number of operations, a batch of one example would be optimal."""

from descend.claims.claim import Claim, Measured, Settings, below
from descend.claims.experiments.pairs import Sooner
from descend.claims.training import Recipe

SHARE, SIZE = 0.25, 32  # of the task's steps; examples of the larger batch


class Examples(Sooner):
    """The examples, rather than the steps, that both need."""

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return the examples of both, to the final loss of the second."""
        first, second = super().measure(condition, settings, seed)
        return first * self.first.batch_size, second * self.second.batch_size


CLAIM = Claim(
    sentence="If the time were proportional to the number of operations, a batch of one example would be optimal: it "
    "needs fewer examples than batches of 32.",
    source="Ba, CSC413 lecture 4, Training Curves",
    refuted_by="as many examples as with batches of 32",
    figure="examples with a batch of 1 / with batches of 32, to the final training loss of the latter",
    expected=below(1.0),
    experiment=Examples(Recipe(batch_size=1, steps=SHARE * SIZE, start=0.01), Recipe(steps=SHARE)),
    conditions=("digits", "table", "clicks"),
    caution="A quarter of the usual steps, about four passes. Examples are counted; their time depends on the machine.",
)
