"""Later batches are measured in addition to the fixed examples, such as their labels."""

import pytest

from descend.doctor.record import facts

FIXED = 8  # number of fixed batches


@pytest.mark.slow
@pytest.mark.parametrize("order", ["sorted", "shuffled"])
def test_labels_of_later_batches_are_measured(stage, order) -> None:
    seen = stage.observed("baseline", "orders.py", order)
    found = {batch.step: batch.fact for batch in seen.record.history(facts.Batch)}
    assert len([step for step in found if step >= FIXED]) >= 2
    for step, batch in found.items():
        assert batch == facts.Batch(16, labels=seen.own_log["labels"][step]), step
    classes = {len(batch.labels) for batch in found.values()}
    assert classes == {1} if order == "sorted" else min(classes) >= 3
    assert seen.record.fact(facts.Monitor).batches == FIXED  # The fixed batches stay the same.
