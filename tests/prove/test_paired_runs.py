"""The verdict on a change from pairs of runs, without running a script."""

from types import SimpleNamespace

import pytest

from descend.doctor.prove.judgement import ChangeVerdict
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.paired_runs import PairedRuns
from descend.doctor.prove.result import ChangedScript
from descend.doctor.record import Ending, Record
from descend.doctor.trials.study import TO_THE_END

SCRIPT = SimpleNamespace(diff=lambda other: "")  # takes the place of a script


def run_of(reason: str, steps: int) -> Record:
    """Return a run that ended for a reason after a number of steps."""
    record = Record(run=1, seed=0)
    record.add(Ending(reason, 0, steps, weights="w"))
    return record


@pytest.mark.parametrize(
    ("reason", "steps", "limit", "verdict"),
    [
        ("window", 0, TO_THE_END, ChangeVerdict.FAILS),
        ("window", 5, TO_THE_END, ChangeVerdict.FAILS),
        ("window", 40, 40, ChangeVerdict.NO_EFFECT),  # --steps ends both runs.
        ("finished", 40, TO_THE_END, ChangeVerdict.NO_EFFECT),
    ],
)
def test_a_changed_script_that_hangs_fails(reason, steps, limit, verdict):
    baseline = run_of("window" if limit == 40 else "finished", 40)
    study = SimpleNamespace(baseline=baseline, script=SCRIPT)
    metric = ComparedMetric("training", "training loss", "")
    runs = PairedRuns(study, metric, [ChangedScript("fix.diff", SCRIPT)], steps=limit)
    runs.changed[0][0] = run_of(reason, steps)
    result = runs.result(0)
    assert result.verdict == verdict
    assert ("hangs" in result.reason) == (verdict == ChangeVerdict.FAILS)
