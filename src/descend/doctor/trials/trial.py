"""What a trial is: one remedy (or several together) tried by re-running the script with it."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path

from descend.doctor.remedies import JudgedOn, Prescription
from descend.doctor.script.script import Script

UNJUDGED = ("failed", "ineffective")  # verdicts of trials that say nothing of their remedy


@dataclass(frozen=True)
class TrialRun:
    """One run of one script under one seed, judged by the yardstick."""

    run: int  # its record's number in the store
    seed: int
    value: float  # the yardstick at the horizon; NaN when the trial run failed or diverged
    accuracy: float | None = None  # for class targets, share of right predictions on the same examples
    error: str = ""
    weights: str = ""  # fingerprint of the final weights; "" where it is not known


@dataclass(frozen=True)
class Part:
    """One change, and the texts that were examined for it to be prescribed."""

    prescription: Prescription
    examined: Mapping[Path, str]


def edit_of(script: Script | None, *otherwise: str) -> Hashable:
    """Return what identifies an edit: the resulting source, whoever prescribed it; without a source, `otherwise`."""
    return otherwise if script is None else frozenset(script.edits.items())


@dataclass(frozen=True)
class Trial:
    """A remedy's verdict, from paired runs: same seed, same batches, same number of steps, unless it changes these."""

    remedies: tuple[str, ...]  # ids
    label: str  # the change in a user's words
    symptom: str  # id of the symptom it was prescribed for first
    # proved, train_longer (at more steps), mends (a fact, and is no worse), suggested, not_proved, helps (but another
    # more), no_effect (too little), worse, ineffective (what the edit sets is unchanged in the run), failed
    verdict: str
    metric: str  # what the yardstick is: "negative log-likelihood on 256 training examples after 300 steps"
    before: float  # the unchanged script's mean over `seeds`
    after: float  # the changed script's mean over `seeds`
    interval: tuple[float, float]  # 95 % of `after`'s mean; NaN of a single run
    difference: tuple[float, float]  # 95 % interval of the paired difference
    seeds: tuple[int, ...]
    script: Script | None = None  # the edited script; None when it could not be applied
    baseline: tuple[TrialRun, ...] = ()  # the unchanged script's trial runs, in the order of `seeds`
    treated: tuple[TrialRun, ...] = ()
    judged_on: JudgedOn = "fixed"  # which examples, or which of the script's own losses
    reason: str = ""  # why it failed, did not apply, or could not be judged
    patch: str = ""  # the change as a unified diff, kept as it was when it was tried; of tuning what is beside the cure
    gain: tuple[float, float] = (float("nan"), float("nan"))  # of 1 − after/before by pairs, which the verdict rests on
    left_open: bool = False  # whether its seeds leave open what more of them might settle
    refutes: bool = False  # whether it has refuted the finding that it was prescribed for
    parts: tuple[Part, ...] = ()  # the changes that it was made by, in their order
    also_for: tuple[str, ...] = ()  # ids of other symptoms whose prescriptions give the same source
    quantity: str = ""  # the name of `before` and `after`: "negative log-likelihood"
    floor: float = 0.0  # what no prediction can go below, and `before` and `after` leave out
    least_gain: float = 0.2  # the share of `before` that it has to take off

    @property
    def symptoms(self) -> tuple[str, ...]:
        """The ids of all symptoms that it was prescribed for: its verdict is the verdict for each of them."""
        return (self.symptom, *self.also_for)

    @property
    def edit(self) -> Hashable:
        """What identifies its edit. Two trials of one case never have the same."""
        return edit_of(self.script, self.label, self.reason)

    @property
    def has_changed_the_run(self) -> bool:
        """Whether any of its runs ended otherwise than the unchanged script's on the same seed.

        Where only the time of a step is compared, the loss is expected to stay what it is.
        """
        pairs = list(zip(self.baseline, self.treated))
        differs = any((before.value, before.weights) != (after.value, after.weights) for before, after in pairs)
        return self.judged_on == "time" or not pairs or differs

    @property
    def was_judged(self) -> bool:
        """Whether it could be applied, run and compared."""
        return self.verdict not in UNJUDGED
