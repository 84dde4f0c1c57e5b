"""The formats of `descend prove` name the outcome, and claim nothing that did not happen."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from descend.core.interruption import Interruption
from descend.doctor.commands import prove as command
from descend.doctor.prove.judgement import ChangeVerdict
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.paired_runs import PairedRuns
from descend.doctor.prove.result import ChangedScript, ChangeResult, Expectation, ProveResult
from descend.doctor.prove_changes import INTERRUPTED, _run_rounds
from descend.doctor.record import Ending, Record
from descend.doctor.report import change_patches
from descend.doctor.report.change_formats import RENDERERS

METRIC = ComparedMetric("held_out", "held-out loss", "Held-out loss")
SCRIPT = SimpleNamespace(diff=lambda other: "")  # takes the place of a script
PATCH = "--- train.py\n+++ train.py\n@@ -1 +1 @@\n-lr = 1\n+lr = 2\n"


def result_of(verdict: ChangeVerdict, expected: Expectation = Expectation.NO_WORSE) -> ProveResult:
    """Return the results with one change."""
    record = Record(run=1, seed=0)
    record.add(Ending("finished", 0, 40))
    return ProveResult(record, METRIC, (ChangeResult("lr 1 → 2", PATCH, verdict),), expected, 0.1)


@pytest.mark.parametrize(
    ("verdict", "expected", "outcome"),
    [
        (ChangeVerdict.HELPS, Expectation.BETTER, "as expected"),
        (ChangeVerdict.HARMS, Expectation.NO_WORSE, "not as expected"),
        (ChangeVerdict.NOT_COMPARABLE, Expectation.NO_WORSE, "undecided"),
    ],
)
def test_the_headline_names_the_outcome_and_the_expectation(verdict, expected, outcome):
    result = result_of(verdict, expected)
    headline = RENDERERS["markdown"](result).splitlines()[0]
    assert headline == f"## descend prove: {outcome} (expected: {expected})"
    assert f"expected: {expected} | {outcome}" in RENDERERS["agent"](result).splitlines()


def test_every_format_says_that_the_command_was_interrupted():
    def run(jobs):
        """Receive Ctrl-C."""
        raise Interruption(130)

    baseline = result_of(ChangeVerdict.UNDECIDED).baseline
    deadline = SimpleNamespace(fits=lambda seconds: True)
    study = SimpleNamespace(
        baseline=baseline,
        script=SCRIPT,
        slots=1,
        run_s=1.0,
        run=run,
        plan=SimpleNamespace(seeds=2),
        context=SimpleNamespace(deadline=deadline),
    )
    runs = PairedRuns(study, METRIC, [ChangedScript("lr 1 → 2", SCRIPT)])
    empty = replace(result_of(ChangeVerdict.UNDECIDED), changes=())
    result = _run_rounds(runs, empty, lambda run_s, count: None, with_parts=False)
    assert result.exit_status == 130 and result.ended_because == INTERRUPTED
    for format in ("json", "markdown", "agent"):
        assert "interrupted" in RENDERERS[format](result)


@pytest.mark.parametrize("failure", ["", "the disk is full"])
def test_only_a_stored_patch_is_called_stored(capsys, monkeypatch, tmp_path, failure):
    monkeypatch.setattr(change_patches, "store_changes", lambda result, store: failure)
    store = SimpleNamespace(folder=tmp_path, failure="")
    command._finish(result_of(ChangeVerdict.HELPS), store, "text")
    printed = capsys.readouterr()
    assert ("stored as" in printed.out) == (not failure)
    assert failure in printed.err
