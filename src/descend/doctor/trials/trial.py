"""A trial: one remedy, or several together, applied to the script, which is then run again and compared."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path

from descend.doctor.remedies import JudgedOn, Prescription
from descend.doctor.script.script import Script
from descend.doctor.trials.verdicts import Verdict

UNJUDGED = (
    Verdict.FAILED,
    Verdict.INEFFECTIVE,
)  # verdicts of trials that show neither that a remedy helps nor that it does not


@dataclass(frozen=True)
class TrialRun:
    """A summary of one run of a script, with its seed and the final value of the evaluation metric."""

    run: int  # number of the run in the store
    seed: int
    value: float  # final value of the evaluation metric; NaN if the run failed or diverged
    # share of correct predictions on the same examples; None if the targets are not classes
    accuracy: float | None = None
    error: str = ""
    weights: str = ""  # hash of the final weights; "" if it is unknown


@dataclass(frozen=True)
class Part:
    """One of the prescriptions that a trial combines, with the source text for which it was made."""

    prescription: Prescription
    examined: Mapping[Path, str]


def edit_key(script: Script | None, *otherwise: str) -> Hashable:
    """Return a hashable key that is equal for equal edited sources. Without an edited script, return `otherwise`."""
    return otherwise if script is None else frozenset(script.edits.items())


@dataclass(frozen=True, repr=False)
class Trial:
    """A comparison of runs with and without a remedy, and the verdict on the remedy."""

    remedies: tuple[str, ...]  # ids of the remedies that are combined
    label: str  # description of the edit for the user, such as "Learning rate 0.5 → 0.09"
    symptom: str  # id of the first problem that the remedy was prescribed for
    verdict: str  # a `Verdict`
    metric: str  # description of the metric, such as "loss on 256 fixed training examples after 300 steps"
    before: float  # mean cost of the unchanged script over `seeds`
    after: float  # mean cost of the changed script over `seeds`
    interval: tuple[float, float]  # 95 % confidence interval of the mean `after`; NaN for a single run
    difference: tuple[float, float]  # 95 % confidence interval of the mean difference, after − before
    seeds: tuple[int, ...]
    script: Script | None = None  # the edited script; None if the remedy could not edit the script
    baseline: tuple[TrialRun, ...] = ()  # runs of the unchanged script, in the order of `seeds`
    treated: tuple[TrialRun, ...] = ()  # runs of the changed script, in the order of `seeds`
    judged_on: JudgedOn = (
        "fixed"  # kind of metric by which the runs are compared, such as "held_out" for a held-out loss
    )
    reason: str = ""  # why the trial failed, or why the remedy could not be applied or judged
    patch: str = ""  # the edit as a unified diff; for a tuned fix, the diff from the fix without tuning
    # confidence interval of the gain 1 − after/before, which decides the verdict
    gain: tuple[float, float] = (float("nan"), float("nan"))
    left_open: bool = False  # whether more seeds might change the verdict
    refutes: bool = False  # whether a finding was withdrawn because of this trial
    parts: tuple[Part, ...] = ()  # the prescriptions that the trial combines, in order
    also_for: tuple[str, ...] = ()  # ids of other problems whose remedies lead to the same edited source
    quantity: str = ""  # name of what `before` and `after` measure, such as "negative log-likelihood"
    floor: float = 0.0  # lower bound of the loss, already subtracted from `before` and `after`
    least_gain: float = 0.2  # share by which the cost has to fall to count as a gain

    def __repr__(self) -> str:
        costs = f"cost {self.before:.3g} → {self.after:.3g}"
        return f"<Trial {self.label!r}: {self.verdict}; {costs}; seeds: {len(self.seeds)}>"

    @property
    def symptoms(self) -> tuple[str, ...]:
        """The ids of all problems that the remedy was prescribed for. The verdict applies to each of them."""
        return (self.symptom, *self.also_for)

    @property
    def edit_id(self) -> Hashable:
        """A hashable value that identifies the edited source. It is different for all trials of a script."""
        return edit_key(self.script, self.label, self.reason)

    @property
    def has_changed_the_run(self) -> bool:
        """Whether the edit changed the final cost or the final weights of any run.

        A trial that compares only the time of a step counts as changed, because its loss should stay the same.
        """
        pairs = list(zip(self.baseline, self.treated))
        differs = any((before.value, before.weights) != (after.value, after.weights) for before, after in pairs)
        return self.judged_on == "time" or not pairs or differs

    @property
    def was_judged(self) -> bool:
        """Whether the remedy could be applied, run and compared."""
        return self.verdict not in UNJUDGED
