"""Runs on fresh seeds whose numbers are stored, so that the same command goes on with them after an interruption."""

from collections.abc import Sequence

from descend.doctor.compare.choice import CURRENT
from descend.doctor.compare.final_runs import begin_final_runs
from descend.doctor.compare.result import TunedChoice
from descend.doctor.compare.stored_comparison import StoredComparison, run_label
from descend.doctor.compare.verdict_rule import choices_to_run
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.paired_runs import PairedRuns, RunKey
from descend.doctor.record import Record
from descend.doctor.trials.study import Study


def load_current_runs(study: Study, metric: ComparedMetric, margin: float, storage: StoredComparison) -> PairedRuns:
    """Return the runs of the current setting on fresh seeds: at first those of earlier commands."""

    def note_run(key: RunKey, record: Record) -> None:
        """Store the number of a complete run, so that it is not made again after an interruption."""
        storage.note_run(CURRENT, key[1], record.run)

    runs = PairedRuns(study, metric, [], margin, study.plan.steps, note_run=note_run)
    _add_stored_runs(runs, None, CURRENT, storage)
    return runs


def load_final_runs(current: PairedRuns, tuned: Sequence[TunedChoice], storage: StoredComparison) -> PairedRuns:
    """Return the runs of the tuned choices on fresh seeds: at first those that have been made with the same values."""
    chosen = choices_to_run(current.study.script, tuned)
    labels = [run_label(one.choice, one.best.values if one.best is not None else {}) for one in chosen]

    def note_run(key: RunKey, record: Record) -> None:
        """Store the number of a complete run, so that it is not made again after an interruption."""
        number, seed = key
        storage.note_run(CURRENT if number is None else labels[number], seed, record.run)

    runs = begin_final_runs(current, tuned, note_run)
    for number, label in enumerate(labels):
        _add_stored_runs(runs, number, label, storage)
    return runs


def _add_stored_runs(runs: PairedRuns, number: int | None, label: str, storage: StoredComparison) -> None:
    """Add the stored runs of the current setting, or of the choice with this number."""
    for seed in storage.runs_of(label):
        if (record := storage.load_run(label, seed, runs.study.context.store)) is not None:
            runs.add_run((number, seed), record)
