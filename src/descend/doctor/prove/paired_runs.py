"""Run the unchanged and the changed scripts with the same seeds, and judge each change from its pairs of runs."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from descend.doctor.assess.effective_rate import find_overriding_scheduler
from descend.doctor.prove.comparability import changed_evaluation_message, changed_task_message
from descend.doctor.prove.judgement import MARGIN, ChangeVerdict, Judgement, judge
from descend.doctor.prove.metric import ComparedMetric, choose_metric
from descend.doctor.prove.repeatability import note_repeatability
from descend.doctor.prove.result import ChangedScript, ChangeResult, summarise_run
from descend.doctor.record import Fact, Record, Site, SiteKind, facts
from descend.doctor.script.run_names import EndReason
from descend.doctor.trials.candidate import NEGATIVE_COST
from descend.doctor.trials.effect import is_same_run
from descend.doctor.trials.statistics import LOOK
from descend.doctor.trials.study import TO_THE_END, Job, Study

IDENTICAL = "losses, final weights and logged metrics are bit-for-bit identical with and without it"
HANGS = "it hangs or is much slower than the unchanged script: it was stopped at step {}"
ENOUGH_IDENTICAL = 2  # number of seeds after which identical runs show that a change has no effect

RunKey = tuple[int | None, int]  # number of the change, or None for the unchanged script; seed
# called before a round of runs with the seconds of one run, the number of its runs, and that of the runs that follow it
Announce = Callable[[float, int, int], None]


@dataclass
class PairedRuns:
    """The runs of the unchanged script and of the changed scripts so far, by seed."""

    study: Study
    metric: ComparedMetric
    changes: Sequence[ChangedScript]
    margin: float = MARGIN
    steps: int = TO_THE_END  # largest number of steps of each run
    unchanged: dict[int, Record] = field(default_factory=dict)
    changed: list[dict[int, Record]] = field(default_factory=list)
    repeated: Record | None = None  # second run of the unchanged script with the seed of the baseline
    differs_because: str = ""  # why the baseline and its repetition differ; "" if they are identical
    made: list[Record] = field(default_factory=list)  # all runs so far, without that of the baseline
    # called with each complete run as soon as it has ended, in the thread that made it, for example to store its number
    note_run: Callable[[RunKey, Record], None] = lambda key, record: None

    def __post_init__(self) -> None:
        self.unchanged.setdefault(self.study.baseline.seed, self.study.baseline)
        self.changed = [{} for _ in self.changes]

    def for_changes(self, changes: Sequence[ChangedScript]) -> "PairedRuns":
        """Return an object for other changes of the same script. Both share the runs of the unchanged script."""
        return replace(self, changes=changes, changed=[])

    def run_on_seeds(self, seeds: Sequence[int], changes: Collection[int] | None = None) -> None:
        """Run each undecided change and the unchanged script with each seed. Complete runs are kept after Ctrl-C.

        changes: the numbers of the changes that are run; None for all.
        Raises `OutOfTime` if the next runs would not end before the deadline.
        """
        numbers = range(len(self.changes)) if changes is None else changes
        while seeds and (open_changes := [index for index in numbers if not self._is_over(index)]):
            group_size = max(1, self.study.slots // (1 + len(open_changes)))
            self._run_group(seeds[:group_size], open_changes)
            seeds = seeds[group_size:]

    def run_unchanged(self, seeds: Sequence[int]) -> None:
        """Run the unchanged script with each seed, and a second time with that of the baseline, as far as missing.

        Raises `OutOfTime` if the runs would not end before the deadline.
        """
        self._run_group(seeds, ())

    def missing_runs(self, seeds: Sequence[int], changes: Collection[int]) -> list[RunKey]:
        """Return the runs of the unchanged script and of the changes that have not been made with these seeds."""
        unchanged: list[RunKey] = [(None, seed) for seed in seeds if seed not in self.unchanged]
        return [*unchanged, *((i, seed) for seed in seeds for i in changes if seed not in self.changed[i])]

    def add_run(self, key: RunKey, record: Record) -> None:
        """Add a complete run, for example one that was made before an interruption.

        A run of the unchanged script with the seed of the baseline is its repetition.
        """
        index, seed = key
        if index is not None:
            self.changed[index][seed] = record
            return
        # Unlike the baseline, the repetition has no measurements that the changed scripts' runs lack.
        self.unchanged[seed] = record
        if seed == self.study.baseline.seed:
            self.repeated = record
            self.differs_because = note_repeatability(self.study.baseline, record)

    def _run_group(self, seeds: Sequence[int], open_changes: Sequence[int]) -> None:
        """Run all missing scripts with a few seeds at the same time, first also the unchanged script a second time."""
        keys = self.missing_runs(seeds, open_changes)
        if self.repeated is None:
            keys.append((None, self.study.baseline.seed))
        self.study.run([self._job(key) for key in keys])

    def _job(self, key: RunKey) -> Job:
        """Return the job that makes a run and adds it as soon as it has ended."""
        index, seed = key
        script = self.study.script if index is None else self.changes[index].script
        return Job(script, seed, self.steps, on_end=lambda record: self._add_made_run(key, record))

    def _add_made_run(self, key: RunKey, record: Record) -> None:
        """Add a run that has just been made, unless it was interrupted."""
        if record.ending is None or record.ending.reason != EndReason.INTERRUPTED:
            self.made.append(record)
            self.add_run(key, record)
            self.note_run(key, record)

    def pairs(self, index: int) -> list[tuple[Record, Record]]:
        """Return the runs of the unchanged and of the changed script with the same seed, in the order of the seeds."""
        runs = sorted(self.changed[index].items())
        return [(self.unchanged[seed], record) for seed, record in runs if seed in self.unchanged]

    def _is_over(self, index: int) -> bool:
        """Return whether further seeds would not change the verdict on a change."""
        verdict = self._verdict_without_costs(index)[0]
        is_sure = verdict != ChangeVerdict.NO_EFFECT or len(self.pairs(index)) >= ENOUGH_IDENTICAL
        return verdict is not None and is_sure

    def is_undecided(self, index: int) -> bool:
        """Return whether further seeds might decide about a change."""
        return self.result(index).verdict == ChangeVerdict.UNDECIDED

    def result(self, index: int) -> ChangeResult:
        """Return the verdict on a change from the runs so far."""
        change, baseline = self.changes[index], self.study.baseline
        pairs = self.pairs(index)
        verdict, reason, error = self._verdict_without_costs(index)
        before = tuple(summarise_run(unchanged, baseline, self.metric) for unchanged, _ in pairs)
        after = tuple(summarise_run(changed, baseline, self.metric) for _, changed in pairs)
        if verdict is not None:
            judgement = Judgement(verdict, (float("nan"), float("nan")), verdict == ChangeVerdict.NO_EFFECT)
        else:
            costs = [run.cost for run in before], [run.cost for run in after]
            # Several changes share the error rate (Bonferroni).
            judgement = judge(*costs, margin=self.margin, level=1 - (1 - LOOK) / len(self.changes))
        return ChangeResult(
            change.label,
            change.script.diff(self.study.script),
            judgement.verdict,
            reason or judgement.reason,
            judgement.difference,
            judgement.is_no_worse,
            judgement.more_seeds,
            before,
            after,
            error,
        )

    def _verdict_without_costs(self, index: int) -> tuple[ChangeVerdict | None, str, str]:
        """Return a verdict that needs no costs, its reason and the script's error output; (None, "", "") if unknown.

        It is the verdict on a change whose script fails, whose runs cannot be compared, or that has no effect.
        """
        pairs = self.pairs(index)
        for unchanged, changed in pairs:
            if (ending := changed.ending) and ending.reason == EndReason.WINDOW and changed.steps < self.steps:
                return ChangeVerdict.FAILS, HANGS.format(changed.steps), ending.error
            if reason := self._changed_task_message(changed, unchanged):
                ending = changed.ending
                fails = ending is not None and ending.has_failed
                verdict = ChangeVerdict.FAILS if fails else ChangeVerdict.NOT_COMPARABLE
                return verdict, reason, ending.error if ending and fails else ""
        if pairs and all(is_same_run(changed, unchanged) for unchanged, changed in pairs):
            return ChangeVerdict.NO_EFFECT, self._no_effect_message(index), ""
        return None, "", ""

    def _changed_task_message(self, changed: Record, unchanged: Record) -> str:
        """Return why a pair of runs cannot be compared; "" if it can. A metric below 0 counts as a gain."""
        baseline = self.study.baseline
        reason = changed_task_message(changed, unchanged, baseline, self.metric)
        place = self.metric.name if self.metric.logged else ""
        if reason == NEGATIVE_COST and not baseline.fact(facts.Floorless, place):
            baseline.add(Fact.of(facts.Floorless(), 0, place))
            self.metric = choose_metric(baseline, place or None)
            reason = changed_task_message(changed, unchanged, baseline, self.metric)
        if reason or self.differs_because:
            return reason
        return changed_evaluation_message(changed, unchanged, baseline, self.metric)

    def _no_effect_message(self, index: int) -> str:
        """Return that a change has no effect, with the line that overrides the changed setting if there is one."""
        setting = self.changes[index].setting.rpartition(".")[2]
        sites = [site for record in self.changed[index].values() for site in _overriding_sites(record, setting)]
        if not setting or not sites:
            return IDENTICAL
        return f"{IDENTICAL}: line {sites[0].line} overrides {setting}"


def _overriding_sites(record: Record, setting: str) -> list[Site]:
    """Return the lines of a run that overwrite a setting of an optimizer."""
    sites = [s for s in record.sites if s.kind == SiteKind.OVERWRITTEN and s.key.rpartition(".")[2] == setting]
    scheduler = find_overriding_scheduler(record) if setting in ("lr", "learning_rate") else None
    return [*sites, *([scheduler] if scheduler else [])]
