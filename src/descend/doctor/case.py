"""The whole of one consultation: what was measured, what is wrong, what was tried, what is to be done."""

from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path

from descend.doctor.canon.checks import Check, checks
from descend.doctor.course.progress import has_reference, is_stuck, yardstick_place
from descend.doctor.course.reservations import Reservation, reservations
from descend.doctor.course.suffering import has_hardly_learnt
from descend.doctor.record import Ending, Record, facts
from descend.doctor.remedies import QUANTITIES
from descend.doctor.script.change import Change
from descend.doctor.script.shared_changes import share_a_change
from descend.doctor.symptoms import Symptom, causes
from descend.doctor.trials.trial import Trial
from descend.ground.interruption import INTERRUPTED


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
    interruption: int = INTERRUPTED  # the exit status where it was interrupted: that of Ctrl-C, SIGTERM or SIGHUP
    changed: str = ""  # what ended the trials early: a file was changed, or no run could be started any more

    @property
    def status(self) -> str:
        """`script_failed`, `findings`, `interrupted` (and nothing found so far), `undecided` or `healthy`.

        A run without findings is `undecided` for any of the reasons in `undecided_because`.
        """
        ending = self.record.ending
        if ending and ending.reason in ("failed", "killed"):
            return "script_failed"
        if self.findings:
            return "findings"
        if self.interrupted:
            return "interrupted"
        return "undecided" if self.undecided_because else "healthy"

    @property
    def undecided_because(self) -> tuple[str, ...]:
        """Why a run without findings is undecided; empty where it is not."""
        open_suspicion = ("open_suspicion",) if self.undecided else ()
        nothing = ("nothing_learned",) if self.learnt_nothing else ()
        return (*open_suspicion, *nothing, *(reservation.kind for reservation in self.reservations))

    @property
    def reservations(self) -> tuple[Reservation, ...]:
        """What about the run, or about its trials, speaks against calling it free of problems."""
        lower_rate_was_tried = any("learning_rate" in trial.remedies for trial in self._effective_trials)
        of_run = [r for r in reservations(self.record) if not (r.kind == "steps_too_long" and lower_rate_was_tried)]
        of_settings = [trial for trial in self.trials if not QUANTITIES.keys().isdisjoint(trial.remedies)]
        if not of_settings or self._effective_trials:
            return tuple(of_run)
        tried = f"none of the {len(self.trials)} remedies" if len(self.trials) > 1 else "the one remedy tried"
        could = "could" if len(self.trials) > 1 else "could not"
        sentence = f"no setting was varied: {tried} {could} be applied with an effect on the run"
        return (*of_run, Reservation("settings_not_varied", 0, 1, sentence))

    @property
    def can_be_improved(self) -> bool:
        """Whether nothing is known to be wrong, so that what may be better is worth a trial."""
        return self.status in ("healthy", "undecided") and not (self.undecided or self.learnt_nothing)

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
        return self.interruption if self.interrupted else int(bool(self.findings)), "descend"

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """For each problem that descend knows, whether the run was checked for it, and why it was not."""
        return checks(self.record, self.left_out)

    @property
    def shortfall(self) -> str:
        """Why a run that ended well is too little to diagnose; "" where it is enough."""
        ending, record = self.record.ending, self.record
        if ending is None or ending.reason not in ("finished", "window") or record.steps > 1:
            return ""
        if ending.reason == "window":
            return self._cut_off(ending)
        if record.steps == 0 and record.site("backward"):
            return "calls backward(), but no optimizer ever steps: nothing is trained (is optimizer.step() missing?)"
        if record.steps == 0:
            passes = record.fact(facts.Passes)
            what = (
                f"computed {passes.backward} gradients and took no optimizer step"
                if passes and passes.backward
                else "ended without an optimizer step or a backward pass"
            )
            return f"{what}: nothing to diagnose"
        return "ended after a single optimizer step: too little to diagnose"

    def _cut_off(self, ending: Ending) -> str:
        """Return what a run did that was still without steps when its observation ended."""
        record, cut = self.record, self.record.fact(facts.CutOff) or facts.CutOff(ending.wall_s, None)
        at = cut.place
        place = f" (it was at {_relative(at.file, record.root)}:{at.line} then)" if at else ""
        more = "--seconds gives it longer"
        if record.steps:
            spent, more = f"{ending.loop_s:.0f} s after its training began", "--steps or --seconds gives it more"
            return f"had taken a single optimizer step {spent}{place}: too little to diagnose; {more}"
        if record.site("backward"):
            spent = f"in {ending.loop_s:.0f} s of training"
            return f"calls backward(), but no optimizer stepped {spent}{place}: nothing is trained; {more}"
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
        """The suspicions that are open and likely; all open ones if no trial varied anything."""
        were_tried = bool(self._effective_trials) and not self.interrupted and not self.changed
        return tuple(s for s in self.open if s.likely or not were_tried)

    @property
    def _effective_trials(self) -> list[Trial]:
        """The trials that were run and whose edit changed the run."""
        return [trial for trial in self.trials if trial.was_judged and trial.has_changed_the_run]

    @property
    def unproved(self) -> Trial | None:
        """The first trial whose edit fixes a sure fact that the cure leaves, where no trial could prove it.

        None of its edits is one that the cure makes, too. A trial that ended worse counts where the wiring is wrong:
        the learning rate may have been chosen for the fault.
        """
        cured = self.cure.symptoms if self.cure else ()
        sure = [f.id for f in self.findings if f.certain and f.id not in cured]
        verdicts = {"failed", "not_proved", "no_effect"} | (set() if self.cure else {"helps"})
        known = [t for t in self.trials if t.patch and t.verdict in verdicts]
        wiring = {f.id for f in self.findings if f.kind == "wiring"}
        worse = [t for t in self.trials if t.patch and t.verdict == "worse" and isfinite(t.after)]
        known += [t for t in worse if not wiring.isdisjoint(t.symptoms)]
        known = [t for t in known if self.cure is None or not share_a_change(t.patch, self.cure.patch)]
        return next((trial for fact in sure for trial in known if fact in trial.symptoms), None)

    @property
    def patch(self) -> str | None:
        """The cure as a unified diff."""
        return self.cure.patch or None if self.cure and not self.streamed else None


def _relative(file: str, root: str) -> str:
    return str(Path(file).relative_to(root)) if root and Path(file).is_relative_to(root) else file
