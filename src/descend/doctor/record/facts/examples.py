"""What was seen of the examples: the loaders that they come from, and those that are kept to be looked at again."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Loader:
    """A data loader of torch's, as it is made."""

    shuffles: bool  # it draws an order that nobody else knows
    batch_size: int | None  # None where a sampler of the script's makes the batches, or there are none
    examples: int | None  # in one pass; None where a sampler of the script's says so
    drop_last: bool = False  # it leaves out a last batch that is smaller than the others

    @property
    def batches(self) -> int | None:
        """How many batches one pass has; None if that is not known."""
        if self.examples is None or not self.batch_size:
            return None
        return self.examples // self.batch_size if self.drop_last else -(-self.examples // self.batch_size)


@dataclass(frozen=True)
class Monitor:
    """The first batches of the training, kept to be computed again at other parameters: the fixed examples."""

    batches: int
    draws: tuple[bool, ...]  # the modes, True for evaluation, in which their cost draws random numbers
    examples: int  # in all of them
    distinct: int  # examples that are not ones of an earlier batch again
    digest: str  # a fingerprint of their targets
    content: str  # and of all that they hold
    targets: str = ""  # a fingerprint of what the loss compares the outputs with; "" where that is not known of all
    rows: int = 0  # of the network's input in all of them, where an example may have several targets; 0 if not known
    random: str = ""  # a fingerprint of where the random streams were at the first of them
