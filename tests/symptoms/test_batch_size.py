"""The number of examples in a batch: a sequence with a target for each token is one example."""

import pytest

from descend.doctor.assess.batches import mean_batch_size
from descend.doctor.record import Fact, Record, facts


def batches(examples: int, rows: int = 0, loaders: tuple[int | None, ...] = (), number: int = 1) -> Record:
    record = Record()
    record.add(Fact.of(facts.Monitor(number, (), examples, examples, "", "", rows=rows), 0))
    for key, size in enumerate(loaders):
        record.add(Fact.of(facts.Loader(True, size, None), 0, str(key)))
    return record


@pytest.mark.parametrize(
    ("record", "size"),
    [
        (batches(384, rows=12), 12),
        (batches(768, rows=24, number=2), 12),
        (batches(1024, rows=64, loaders=(16,)), 16),  # The first dimension is time, so the loader's batch size counts.
        (batches(1024, loaders=(16, 16)), 16),
        (batches(1024, loaders=(16, 256)), 1024),  # It is unknown which loader the training uses.
        (batches(64, rows=64), 64),
        (batches(64, rows=192), 64),  # There are three rows for each target, as for triplets.
        (batches(64, loaders=(None,)), 64),
        (Record(), 0),
    ],
)
def test_examples_are_counted_as_the_script_counts_them(record, size):
    assert mean_batch_size(record) == size
