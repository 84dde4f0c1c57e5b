"""A stage is measured like a separate run: earlier stages are skipped, and it ends when the next one begins."""

from pathlib import Path

import pytest
from sampling import sampled

from descend.doctor.record import facts
from descend.doctor.script.plan import Stage
from descend.doctor.script.script import Script

SCRIPTS = Path(__file__).parents[1] / "scripts"
pytestmark = pytest.mark.slow


@pytest.fixture
def stage_of(tmp_path, observe):
    """Return a function that runs one stage of a script that trains parts of a network in turn, or all of it."""

    def run(number: int | None = None, role: str = "baseline"):
        stage = None if number is None else Stage(number, number + 1, 3, 1.0)
        script = Script(SCRIPTS / "in_turn.py", SCRIPTS, (str(tmp_path / "seen.json"),))
        return observe(script, role, stage=stage, allow_effects=True)

    return run


def test_a_stage_has_the_same_losses_as_in_the_whole_run(stage_of):
    whole = stage_of()
    for number in range(3):
        part = stage_of(number)
        assert list(part.every(facts.Optimizer)) == ["0"] and part.ending.reason == "finished"
        assert part.series("loss", "0").values == whole.series("loss", str(number)).values
        assert part.series("monitored_loss").steps[-1] == 12 and part.site("optimizer").file.endswith("in_turn.py")


@pytest.mark.parametrize("number", sampled([0, 1, 2], 1))
def test_a_stage_ends_with_the_same_weights_as_under_plain_python(stage_of, number):
    trial_run, bare = (stage_of(number, role) for role in ("trial_run", "bare"))
    assert trial_run.ending.steps == bare.ending.steps == 12 and trial_run.ending.weights == bare.ending.weights != ""


def test_weights_of_a_later_stage_are_not_measured_for_the_first(stage_of):
    assert stage_of().series("monitored_loss").steps[-1] < 12


def test_a_stage_ends_before_the_next_stage_changes_its_weights(tmp_path, observe):
    script = Script(SCRIPTS / "new_head.py", SCRIPTS, (str(tmp_path / "seen.json"),))
    course = observe(script, stage=Stage(0, 1, 2, 1.0), allow_effects=True).series("monitored_loss")
    assert len(course) > 3 and course.last < course.first and 20 < course.steps[-1] < 40
