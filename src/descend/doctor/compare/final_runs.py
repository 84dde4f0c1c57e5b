"""Run the current setting and each tuned choice on fresh seeds, in rounds: first all, then the undecided ones."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from descend.doctor.compare.result import TunedChoice
from descend.doctor.compare.verdict_rule import choices_to_run, undecided_changes
from descend.doctor.prove.paired_runs import Announce, PairedRuns, RunKey
from descend.doctor.prove.result import ChangedScript
from descend.doctor.record import Record
from descend.doctor.trials.confirm import LOOKS, fresh_seeds


def begin_final_runs(
    current: PairedRuns,
    tuned: Sequence[TunedChoice],
    note_run: Callable[[RunKey, Record], None] = lambda key, record: None,
) -> PairedRuns:
    """Return an object for the runs of the current setting and of each tuned choice that has another script.

    current: the runs of the current setting so far. note_run: called with each complete run. Runs of an interrupted
    comparison are added with `PairedRuns.add_run`. In the key of a run, the number of its choice is the index in the
    list that `choices_to_run` returns.
    """
    chosen = choices_to_run(current.study.script, tuned)
    changes = [ChangedScript(one.choice.label, one.script) for one in chosen if one.script]
    return replace(current.for_changes(changes), note_run=note_run)


def run_final_rounds(
    runs: PairedRuns,
    tuned: Sequence[TunedChoice],
    announce: Announce = lambda run_s, runs, later: None,
) -> None:
    """Run all choices on one round of seeds, and those that further seeds could still decide on a second one.

    The seeds follow that of the baseline, on which the choices were tuned. Complete runs are kept if the command is
    interrupted. announce: called before each round with the seconds of one run, the number of its runs, and 0.
    Raises `OutOfTime` if the next runs would not end before the deadline.
    """
    for look in range(LOOKS):
        numbers = undecided_changes(runs, tuned, look) if look else range(len(runs.changes))
        seeds = fresh_seeds(runs.study, look)
        missing = runs.missing_runs(seeds, numbers) if numbers else []
        if missing:
            announce(runs.study.run_s, len(missing), 0)
        if numbers:
            runs.run_on_seeds(seeds, numbers)
