"""Facts about data loaders, and about the fixed examples on which measurements are repeated."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Loader:
    """The settings of one `torch.utils.data.DataLoader` that the script constructs."""

    shuffles: bool  # whether the loader returns the examples in a random order
    # number of examples in a batch; None if the script's own sampler makes the batches, or if there are no batches
    batch_size: int | None
    examples: int | None  # number of examples in one epoch; None if the script's own sampler determines it
    drop_last: bool = False  # whether the last batch is dropped if it is smaller than the others

    @property
    def batches(self) -> int | None:
        """Number of batches in one epoch; None if it is unknown."""
        if self.examples is None or not self.batch_size:
            return None
        return self.examples // self.batch_size if self.drop_last else -(-self.examples // self.batch_size)


@dataclass(frozen=True)
class DrawnExamples:
    """The examples that one data loader has drawn so far."""

    examples: int  # number of examples in the data set
    promised: int  # number of different examples that the sampler can draw in one epoch
    distinct: int  # number of different examples that were drawn
    draws: int
    passes: int  # passes over the data that were completed
    empty: int  # loops that received no batch, because an earlier loop had exhausted their iterator


@dataclass(frozen=True)
class ShortLength:
    """A data set that returns the entry of an array for each index, but whose length is smaller than the array's."""

    array: str  # attribute of the data set
    entries: int  # number of entries of the array
    length: int  # length of the data set


@dataclass(frozen=True)
class DrawnRows:
    """The rows of a stored tensor that several batches take by an index that the script draws at random."""

    of: int  # number of rows of the tensor
    distinct: int  # number of different rows that were taken
    draws: int  # number of rows that were taken


@dataclass(frozen=True)
class ChangedExamples:
    """Stored examples that change while the script reads them, so that it reads other ones in the next pass."""

    changed: int  # number of stored examples that had changed after they were read
    read: int  # number of examples that were compared before and after they were read
    array: str  # attribute of the data set that stores the examples; "" if the script reads a tensor without a data set
    is_tensor: bool = True  # whether the examples are PyTorch tensors, not NumPy arrays


@dataclass(frozen=True)
class Monitor:
    """The fixed examples: the first training batches, whose loss is computed again later with other weights."""

    batches: int
    # modes (True: evaluation, False: training) in which the forward pass draws random numbers
    draws: tuple[bool, ...]
    examples: int  # number of examples in all fixed batches
    distinct: int  # number of different examples
    digest: str  # digest (hash) of the targets
    content: str  # digest of all tensors in the batches
    targets: str = ""  # digest of the tensors that the loss compares with the outputs; "" if they are not all known
    rows: int = 0  # rows of the network's input in all batches (an example may have several targets); 0 if unknown
    random: str = ""  # digest of the random generators' states at the first fixed batch
