"""What the trials of one case have shown so far."""

from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from descend.doctor.record import Record
from descend.doctor.symptoms import Symptom
from descend.doctor.trials.candidate import Candidate
from descend.doctor.trials.trial import Trial
from descend.ground.interruption import INTERRUPTED

PROVED = ("proved", "train_longer")

Place = tuple[str, str]  # kind and key of a site


@dataclass(frozen=True)
class Proof:
    """The trials of one case, and what follows from them. It never changes: each experiment gives another one."""

    symptoms: tuple[Symptom, ...] = ()  # all that is wrong, or may be
    trials: tuple[Trial, ...] = ()
    confirmed: frozenset[str] = frozenset()  # suspicions whose own remedy has won
    refuted: frozenset[str] = frozenset()  # suspicions whose own remedies have not won
    withdrawn: frozenset[str] = frozenset()  # facts whose remedies all make the run clearly worse
    judged: frozenset[str] = frozenset()  # suspicions of which a remedy that decides was run and judged
    failed: Mapping[Hashable, Trial] = field(default_factory=dict)  # by edit: what failed on fresh seeds
    cure: Trial | None = None
    trial_run: Record | None = None  # the cure's under the script's own seed
    tuning: Trial | None = None  # the cure with the step set anew, where that adds to it
    mending: Candidate | None = None  # where nothing has won: the best that mends a fact, and runs
    at: Mapping[str, Place] = field(default_factory=dict)  # confirmed -> the site at which its remedy has won
    verified: str = ""  # what plain python made of the patched script
    interrupted: bool = False  # by Ctrl-C, before it could decide everything
    interruption: int = INTERRUPTED  # the exit status for it: that of Ctrl-C, SIGTERM or SIGHUP
    changed: str = ""  # what was changed under the trials, which has ended them

    @property
    def dismissed(self) -> frozenset[str]:
        """Suspicions that trials have decided against; what more seeds might settle is left open."""
        open_ones = {symptom for trial in self.trials if trial.left_open for symptom in trial.symptoms}
        return self.withdrawn | (self.refuted & self.judged) - open_ones

    def cured_by(self, trial: Trial, trial_run: Record | None) -> "Proof":
        """Return the proof with another cure: a trial, and its run under the script's own seed."""
        return replace(self, cure=trial, trial_run=trial_run, tuning=None)

    def without_cure(self) -> "Proof":
        """Return the proof without its cure, as where that turns out to be none."""
        return replace(self, cure=None, trial_run=None, tuning=None)

    def with_fix_rejected(self, reason: str) -> "Proof":
        """Return the proof without its fix, which is not proved after all, nor are the suspicions that it was for."""
        cure = self.cure
        if cure is None:
            return self
        proof = self.telling(replace(cure, verdict="not_proved", reason=reason), instead_of=cure).without_cure()
        symptoms = frozenset(cure.symptoms)
        return replace(proof, confirmed=proof.confirmed - symptoms, refuted=proof.refuted | symptoms)

    def telling(self, trial: Trial, instead_of: Trial | None = None) -> "Proof":
        """Return the proof with a trial in the place of another one, or after all of them."""
        if instead_of is None:
            return self.with_trials((*self.trials, trial))
        return self.with_trials(trial if known is instead_of else known for known in self.trials)

    def with_trials(self, trials: Iterable[Trial]) -> "Proof":
        """Return the proof with these trials, of each edit the one that decides: the cure's, else of most seeds."""
        kept: dict[Hashable, Trial] = {}
        for trial in trials:
            known = kept.get(trial.edit)
            if known is None or self._weight(trial) >= self._weight(known):
                kept[trial.edit] = trial
        return replace(self, trials=tuple(kept.values()))

    def _weight(self, trial: Trial) -> tuple[bool, bool, int]:
        return trial is self.cure or trial is self.tuning, trial.was_judged, len(trial.seeds)


Steps = Generator[Proof, None, Proof]  # the proof after each experiment, and in the end the last one
Round = Callable[[Proof], Steps]


def in_rounds(rounds: Iterable[Round], proof: Proof) -> Iterator[Proof]:
    """Yield the proof after each experiment of one round after another, each of which goes on from the last."""
    for following in rounds:
        proof = yield from following(proof)
        yield proof


def last(steps: Steps) -> Proof:
    """Return the proof that a round ends with."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            proof: Proof = end.value
            return proof
