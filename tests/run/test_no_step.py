"""A script that forgets to step is looked at all the same."""

from pathlib import Path

import pytest

from descend.script import Script

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.mark.slow
def test_a_script_that_never_steps(observe) -> None:
    record = observe(Script(SCRIPTS / "never_steps.py", SCRIPTS), steps=40, seconds=100)
    assert (record.ending.reason, record.ending.steps) == ("window", 0)
    assert record.fact("passes") == {"backward": 40}
    assert record.fact("monitor")["examples"] == 256
    assert record.fact("loss_input")["function"] == "cross_entropy"
    assert len(record.series("monitored_loss")) and record.fact("optimizer", "0")["class"] == "SGD"
    assert not record.history("wiring", "0")  # a fact of each step that there is
