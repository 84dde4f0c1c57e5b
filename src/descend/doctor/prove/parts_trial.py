"""Prove the smallest part of a change that keeps its gain, with pairs of runs on the seeds of the whole change."""

from collections.abc import Sequence

from descend.doctor.prove.judgement import ChangeVerdict, judge
from descend.doctor.prove.needed_parts import mean_or_infinity, needed_parts, parts_of, with_parts
from descend.doctor.prove.paired_runs import PairedRuns
from descend.doctor.prove.result import ChangedScript, ChangeResult
from descend.doctor.script.script import Script

SCREENING_SEEDS = 2  # number of seeds on which each smaller change is tried before it is proved on all seeds


def prove_needed_parts(runs: PairedRuns, index: int) -> ChangeResult | None:
    """Return the result of the smallest change that keeps the gain of a change; None if all of its parts are needed.

    The smaller change must help on all seeds, and must be no worse than the whole change by more than the margin.
    """
    change, unchanged = runs.changes[index], runs.study.script
    parts = parts_of(unchanged, change.script)
    kept = needed_parts(unchanged, change.script, lambda scripts: _mean_costs(scripts, runs, index), runs.margin)
    if len(kept) == len(parts):
        return None
    smaller = ChangedScript(f"{len(kept)} of {len(parts)} parts of {change.label}", with_parts(unchanged, kept))
    further = runs.for_changes([smaller])
    further.run_on_seeds(sorted(runs.changed[index]))
    result, whole = further.result(0), runs.result(index)
    costs = [run.cost for run in whole.after], [run.cost for run in result.after]
    is_as_good = judge(*costs, margin=runs.margin).verdict != ChangeVerdict.HARMS
    return result if result.verdict == ChangeVerdict.HELPS and is_as_good else None


def _mean_costs(scripts: Sequence[Script], runs: PairedRuns, index: int) -> list[float]:
    """Return the mean cost of each script on the first seeds; infinity if it fails or cannot be compared."""
    seeds = sorted(runs.changed[index])[:SCREENING_SEEDS]
    screened = runs.for_changes([ChangedScript("", script) for script in scripts])
    screened.run_on_seeds(seeds)
    results = [screened.result(number) for number in range(len(scripts))]
    lost = (ChangeVerdict.FAILS, ChangeVerdict.NOT_COMPARABLE)
    return [
        float("inf") if result.verdict in lost else mean_or_infinity([run.cost for run in result.after])
        for result in results
    ]
