"""A proof: the results of all trials of one case so far."""

from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from descend.core.interruption import INTERRUPTED, interruption_status
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record, SiteKey
from descend.doctor.trials.candidate import Candidate
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.verdicts import Verdict

PROVED = (Verdict.PROVED, Verdict.TRAIN_LONGER)  # verdicts of trials that have shown a gain on fresh seeds


# why remedies were not tried: no trial was requested, or the time was over; "" if all were tried
Limit = Literal["", "quick", "budget"]


@dataclass(frozen=True)
class UntriedRemedy:
    """A remedy whose edited script was not run, so that its effect is unknown."""

    remedies: tuple[str, ...]  # ids of the remedies that are combined
    label: str  # description of the edit for the user, such as "Learning rate 0.5 → 0.09"
    symptoms: tuple[str, ...]  # ids of the problems that the remedy was prescribed for
    patch: str  # the edit as a unified diff


@dataclass(frozen=True, repr=False)
class Proof:
    """All trials of one script and the conclusions from them. It is immutable: each new trial leads to a new proof."""

    symptoms: tuple[Symptom, ...] = ()  # definite findings and suspected problems
    trials: tuple[Trial, ...] = ()
    confirmed: frozenset[str] = frozenset()  # ids of suspected causes with a remedy that has shown a gain
    rejected: frozenset[str] = frozenset()  # ids of suspected causes whose remedies have not shown a gain
    # ids of findings that are withdrawn, because each remedy for them makes the run clearly worse
    withdrawn: frozenset[str] = frozenset()
    judged: frozenset[str] = frozenset()  # ids of suspected causes for which a decisive trial was run and compared
    # edited source -> its trial, if that has not shown a gain on fresh seeds
    failed: Mapping[Hashable, Trial] = field(default_factory=dict)
    fix: Trial | None = None
    trial_run: Record | None = None  # run of the fix with the seed of the baseline run
    tuning: Trial | None = None  # the fix with a different learning rate or optimizer, if that improves on the fix
    # if there is no fix: the best remedy of a definite finding that could be run without an error
    unproved_fix: Candidate | None = None
    # id of a confirmed cause -> the source location that its remedy edits
    at: Mapping[str, SiteKey] = field(default_factory=dict)
    verified: str = ""  # sentence on whether plain python leads to the same final weights as the trial of the fix
    # whether plain python leads to the same final weights as the trial of the fix; None if they were not compared
    reproduced: bool | None = None
    interrupted: bool = False  # whether a signal ended the trials early
    interruption: int = INTERRUPTED  # exit status after an interruption by Ctrl-C, SIGTERM or SIGHUP
    limit: Limit = ""  # why some remedies were not tried
    untried: tuple[UntriedRemedy, ...] = ()  # remedies that were not tried, the most promising first
    skipped: tuple[str, ...] = ()  # parts of the consultation that were left out because the time was over
    changed: str = ""  # why the trials ended early: a file has changed, or no run could be started

    def __repr__(self) -> str:
        symptoms = ", ".join(symptom.id for symptom in self.symptoms) or "none"
        fix = self.fix.label if self.fix else "none"
        return f"<Proof: symptoms: {symptoms}; fix: {fix}; trials: {len(self.trials)}>"

    @property
    def dismissed(self) -> frozenset[str]:
        """The ids of findings and suspected causes that trials have ruled out and that more seeds cannot confirm."""
        open_ones = {symptom for trial in self.trials if trial.left_open for symptom in trial.symptoms}
        return self.withdrawn | (self.rejected & self.judged) - open_ones

    def with_interruption(self, error: KeyboardInterrupt) -> "Proof":
        """Return the proof, marked as ended early by the signal that has raised this error."""
        return replace(self, interrupted=True, interruption=interruption_status(error))

    def with_fix(self, trial: Trial, trial_run: Record | None) -> "Proof":
        """Return the proof with another fix. trial: its trial. trial_run: its run with the seed of the baseline."""
        return replace(self, fix=trial, trial_run=trial_run, tuning=None)

    def without_fix(self) -> "Proof":
        """Return the proof without its fix and without the tuning of the fix."""
        return replace(self, fix=None, trial_run=None, tuning=None)

    def with_fix_rejected(self, reason: str) -> "Proof":
        """Return the proof without its fix, which is rejected for the given reason.

        The trial of the fix is marked as not proved, and the causes that it treats are marked as rejected.
        """
        fix = self.fix
        if fix is None:
            return self
        proof = self.with_trial(replace(fix, verdict=Verdict.NOT_PROVED, reason=reason), instead_of=fix).without_fix()
        symptoms = frozenset(fix.symptoms)
        return replace(proof, confirmed=proof.confirmed - symptoms, rejected=proof.rejected | symptoms)

    def with_trial(self, trial: Trial, instead_of: Trial | None = None) -> "Proof":
        """Return the proof with one more trial, which replaces the trial `instead_of` if that is given."""
        if instead_of is None:
            return self.with_trials((*self.trials, trial))
        return self.with_trials(trial if known is instead_of else known for known in self.trials)

    def with_trials(self, trials: Iterable[Trial]) -> "Proof":
        """Return the proof with other trials. Of several trials for one edit, only the most important one is kept."""
        kept: dict[Hashable, Trial] = {}
        for trial in trials:
            known = kept.get(trial.edit_id)
            if known is None or self._priority(trial) >= self._priority(known):
                kept[trial.edit_id] = trial
        return replace(self, trials=tuple(kept.values()))

    def _priority(self, trial: Trial) -> tuple[bool, bool, int]:
        """Return a sort key that is larger for a more important trial: the fix, one with a result, or more seeds."""
        return trial is self.fix or trial is self.tuning, trial.was_judged, len(trial.seeds)


ProofSteps = Generator[Proof, None, Proof]  # yields the proof after each trial, and returns the last proof
Round = Callable[[Proof], ProofSteps]


def run_rounds(rounds: Iterable[Round], proof: Proof) -> Iterator[Proof]:
    """Run several rounds of trials, each with the proof of the previous one, and yield the proof after each trial."""
    for run_round in rounds:
        proof = yield from run_round(proof)
        yield proof


def final_proof(steps: ProofSteps) -> Proof:
    """Run all trials of a round, and return the proof after the last trial."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            proof: Proof = end.value
            return proof
