"""The whole of one consultation: what was measured, what is wrong, what was tried, what is to be done."""

from dataclasses import dataclass
from pathlib import Path

from descend.doctor.course.progress import has_reference, is_stuck, yardstick_place
from descend.doctor.course.suffering import has_hardly_learnt
from descend.doctor.record import Ending, Record, facts
from descend.doctor.script.changes import Change
from descend.doctor.script.shared_changes import share_a_change
from descend.doctor.symptoms import Symptom, causes
from descend.doctor.trials.trial import Trial
from descend.ground.errors import INTERRUPTED


@dataclass(frozen=True)
class Case:
    """A record, the findings in it (worst first), the trials of their remedies, and the patch that won."""

    record: Record
    findings: tuple[Symptom, ...]
    suspicions: tuple[Symptom, ...] = ()  # not confirmed by any trial
    trials: tuple[Trial, ...] = ()
    cure: Trial | None = None  # the cheapest trial that was proved, without tuning
    verified: str = ""  # what plain python made of the patch; "" when there is none
    bare_s: float = 0.0  # the observed window without its probes, start-up included
    total_s: float = 0.0  # the whole consultation
    left_out: tuple[str, ...] = ()  # ids of symptoms that were not looked for
    streamed: bool = False  # the script came in by a pipe: there is no file that could be patched
    interrupted: bool = False  # while the script ran (or its record was kept), or in the middle of the trials
    changes: tuple[Change, ...] | None = None  # what the cure does to the files; None where that is not known
    tuning: Trial | None = None  # the cure with the step set anew, where that was proved to add to it
    dismissed: tuple[str, ...] = ()  # ids of suspicions that trials have decided against
    changed: str = ""  # what was changed under the trials, which has ended them

    @property
    def status(self) -> str:
        """`script_failed`, `findings`, `interrupted` (and nothing found so far), `undecided` or `healthy`.

        `undecided` is what something likely is left open of, and what has learnt nothing for no known reason.
        """
        ending = self.record.ending
        if ending and ending.reason in ("failed", "killed"):
            return "script_failed"
        if self.findings:
            return "findings"
        if self.interrupted:
            return "interrupted"
        return "undecided" if self.undecided or self.learnt_nothing else "healthy"

    @property
    def is_settled(self) -> bool:
        """Whether what comes later in the script need not be looked at."""
        return bool(self.findings or self.interrupted or self.changed) or self.status == "script_failed"

    @property
    def learnt_nothing(self) -> bool:
        """Whether a run ends where a constant would, or by its own numbers near where it would be unlearnt."""
        judged = yardstick_place(self.record) in ("negative_log_likelihood", "squared_error")
        is_constant = judged and has_reference(self.record) and is_stuck(self.record, "0")
        return not self.shortfall and (is_constant or has_hardly_learnt(self.record))

    @property
    def exit_status(self) -> tuple[int, str]:
        """The exit status of the command that consults, and whose it is: `descend`'s or the `script`'s."""
        ending = self.record.ending
        if not self.interrupted and ending is not None and ending.reason in ("failed", "killed"):
            return ending.status, "script"
        return INTERRUPTED if self.interrupted else int(bool(self.findings)), "descend"

    @property
    def shortfall(self) -> str:
        """Why a run that ended well is too little to diagnose; "" where it is enough."""
        ending, record = self.record.ending, self.record
        if ending is None or ending.reason not in ("finished", "window") or record.steps > 1:
            return ""
        if ending.reason == "window":
            return self._cut_off(ending)
        if record.steps == 0 and record.site("backward"):
            return "goes backward, but no optimizer ever steps: nothing is trained (is optimizer.step() missing?)"
        if record.steps == 0:
            passes = record.fact(facts.Passes)
            what = (
                f"took {passes.backward} gradients and made no step of them"
                if passes and passes.backward
                else "ended without an optimizer step or a backward pass"
            )
            return f"{what}: nothing to diagnose"
        return "ended after a single optimizer step: too little to diagnose"

    def _cut_off(self, ending: Ending) -> str:
        """Say of a run that the window has closed on too early what it was at."""
        record, cut = self.record, self.record.fact(facts.CutOff) or facts.CutOff(ending.wall_s, None)
        at = cut.place
        place = f" (it was at {_relative(at.file, record.root)}:{at.line} then)" if at else ""
        more = "--seconds gives it longer"
        if record.steps:
            spent, more = f"{ending.loop_s:.0f} s after its training began", "--steps or --seconds gives it more"
            return f"had taken a single optimizer step {spent}{place}: too little to diagnose; {more}"
        if record.site("backward"):
            spent = f"in {ending.loop_s:.0f} s of training"
            return f"goes backward, but no optimizer stepped {spent}{place}: nothing is trained; {more}"
        return f"took no optimizer step in {cut.seconds:.0f} s{place}: nothing to diagnose; {more}"

    @property
    def open(self) -> tuple[Symptom, ...]:
        """The suspicions that no trial has decided against, without those that another of them explains."""
        return tuple(causes([s for s in self.suspicions if s.id not in self.dismissed]))

    @property
    def refuted(self) -> tuple[tuple[Symptom, Trial], ...]:
        """What was seen directly, and the trial that refutes it: every remedy makes the run clearly worse."""
        trials = {symptom: trial for trial in self.trials if trial.refutes for symptom in trial.symptoms}
        return tuple((symptom, trials[symptom.id]) for symptom in self.suspicions if symptom.id in trials)

    @property
    def undecided(self) -> tuple[Symptom, ...]:
        """What stands in the way of a clean bill: what is left open and likely; all of it where nothing was tried."""
        were_tried = any(trial.was_judged for trial in self.trials) and not self.interrupted and not self.changed
        return tuple(s for s in self.open if s.likely or not were_tried)

    @property
    def unproved(self) -> Trial | None:
        """The first trial whose edit fixes a sure fact that the cure leaves, where no trial could prove it.

        None of its edits is one that the cure makes, too.
        """
        cured = self.cure.symptoms if self.cure else ()
        sure = [f.id for f in self.findings if f.certain and f.id not in cured]
        verdicts = {"failed", "not_proved", "no_effect"} | (set() if self.cure else {"helps"})
        known = [t for t in self.trials if t.patch and t.verdict in verdicts]
        known = [t for t in known if self.cure is None or not share_a_change(t.patch, self.cure.patch)]
        return next((trial for fact in sure for trial in known if fact in trial.symptoms), None)

    @property
    def patch(self) -> str | None:
        """The cure as a unified diff."""
        return self.cure.patch or None if self.cure and not self.streamed else None


def _relative(file: str, root: str) -> str:
    return str(Path(file).relative_to(root)) if root and Path(file).is_relative_to(root) else file
