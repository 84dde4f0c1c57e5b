"""In a long watched training with manual updates, some steps are read and all are counted."""

import pytest
from sampling import sampled

from descend.doctor.instrumentation.steps.light_sampling import MOST_SKIPPED, READ_IN_FULL

STEPS = READ_IN_FULL + 400
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("way", sampled(["returned", "backward", "function", "both"], "both"))
def test_sampled_manual_steps_are_correct_and_all_are_counted(stage, way: str) -> None:
    plain = stage.plainly("long_by_hand.py", way, str(STEPS))
    seen = stage.observed("watch", "long_by_hand.py", way, str(STEPS))
    assert seen.own_log == plain.own_log
    losses, read = plain.losses["0"], seen.record.series("loss", "0")
    assert seen.record.steps == len(losses) == STEPS * (1 + (way == "both"))
    assert list(read.values) == pytest.approx([losses[step] for step in read.steps], rel=1e-5)
    later = sum(step >= READ_IN_FULL for step in read.steps)
    if way == "both":  # Alternating passes from two places cannot be predicted.
        assert later == seen.record.steps - READ_IN_FULL
    else:
        assert STEPS - READ_IN_FULL > 2 * later >= (STEPS - READ_IN_FULL) / (1 + MOST_SKIPPED)


def test_every_manual_step_of_our_own_run_is_read(stage) -> None:
    seen = stage.observed("baseline", "long_by_hand.py", "function", str(STEPS), steps=STEPS, least_steps=STEPS)
    assert len(seen.record.series("loss", "0")) == seen.record.steps == STEPS
