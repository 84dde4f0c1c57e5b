"""Of a long training by hand one step in several is read, and all are counted."""

import pytest
from sampling import sampled

from descend.doctor.reading.light_sampling import ALL, MOST_PASSED

STEPS = ALL + 400
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("way", sampled(["returned", "backward", "function", "both"], "backward", "both"))
def test_what_is_read_is_right_and_the_rest_is_counted(stage, way: str) -> None:
    plain = stage.plainly("long_by_hand.py", way, str(STEPS))
    seen = stage.observed("watch", "long_by_hand.py", way, str(STEPS))
    assert seen.own_log == plain.own_log
    losses, read = plain.losses["0"], seen.record.series("loss", "0")
    assert seen.record.steps == len(losses) == STEPS * (1 + (way == "both"))
    assert list(read.values) == pytest.approx([losses[step] for step in read.steps], rel=1e-5)
    later = sum(step >= ALL for step in read.steps)
    if way == "both":  # passes from two places in turns: none can be foretold
        assert later == seen.record.steps - ALL
    else:
        assert STEPS - ALL > 2 * later >= (STEPS - ALL) / (1 + MOST_PASSED)


def test_a_run_of_ours_is_read_whole(stage) -> None:
    seen = stage.observed("baseline", "long_by_hand.py", "function", str(STEPS), steps=STEPS, least_steps=STEPS)
    assert len(seen.record.series("loss", "0")) == seen.record.steps == STEPS
