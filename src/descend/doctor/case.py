"""A case: the result of one consultation, from which all report formats are made."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import isfinite
from pathlib import Path

from descend.core.errors import UsageError
from descend.doctor.assess.constant_predictor import predicts_constant
from descend.doctor.assess.reservations import Reservation, check_stages, reservations
from descend.doctor.assess.summary import summarise
from descend.doctor.assess.symptom import Symptom, unexplained_symptoms
from descend.doctor.catalog.checks import Check, list_checks
from descend.doctor.record import Ending, Record, SiteKind, facts
from descend.doctor.remedies import QUANTITIES
from descend.doctor.script.file_change import FileChange
from descend.doctor.script.run_names import EndReason
from descend.doctor.script.shared_changes import share_a_change
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.verdicts import Verdict


class CaseStatus(StrEnum):
    """The overall result of diagnosing a script. The values are part of the JSON report."""

    SCRIPT_FAILED = "script_failed"
    FINDINGS = "findings"
    INTERRUPTED = "interrupted"  # the user interrupted the diagnosis before it found anything
    UNDECIDED = "undecided"  # no findings, but a problem is still possible, for the reasons in `undecided_because`
    HEALTHY = "healthy"  # no problem found


# exit statuses of a command that shows a case and was not interrupted itself
EXIT_STATUSES = {
    CaseStatus.HEALTHY: 0,
    CaseStatus.FINDINGS: 1,
    CaseStatus.UNDECIDED: 3,
    CaseStatus.INTERRUPTED: 3,
    CaseStatus.SCRIPT_FAILED: 4,
}


@dataclass(frozen=True, repr=False)
class Case:
    """The diagnosis of one run: its record, its findings (worst first), the trials of their remedies, and the fix."""

    record: Record
    findings: tuple[Symptom, ...]
    suspicions: tuple[Symptom, ...] = ()  # possible problems that no trial has confirmed
    proof: Proof = Proof()  # the results of all trials
    bare_s: float = 0.0  # duration of the observed run in seconds, start-up included and measurements excluded
    total_s: float = 0.0  # duration of the whole diagnosis in seconds, trials included
    left_out: tuple[str, ...] = ()  # ids of the problems that the user excluded from the diagnosis
    streamed: bool = False  # whether the script was read from a pipe, so that there is no file to patch
    options: tuple[str, ...] = ()  # options of `descend doctor` that the user gave, such as "--steps 50"
    changes: tuple[FileChange, ...] = ()  # the edits of the fix, one object for each file

    def __repr__(self) -> str:
        found = ", ".join(symptom.id for symptom in self.findings) or "none"
        fix = self.fix.label if self.fix else "none"
        return (
            f"<Case of run {self.record.run}: {self.status}; findings: {found}; fix: {fix}; trials: {len(self.trials)}>"
        )

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials of remedies, starting with the fix if there is one."""
        return self.proof.trials

    @property
    def fix(self) -> Trial | None:
        """The trial of the proved remedy with the smallest edit; None if no remedy is proved."""
        return self.proof.fix

    @property
    def tuning(self) -> Trial | None:
        """The trial that tunes the learning rate or optimizer of the fix; None unless proved better than the fix."""
        return self.proof.tuning

    @property
    def status(self) -> CaseStatus:
        """The overall result of the diagnosis: script failed, findings, interrupted, undecided, or no problem found."""
        ending = self.record.ending
        if ending and ending.has_failed:
            return CaseStatus.SCRIPT_FAILED
        if self.findings:
            return CaseStatus.FINDINGS
        if self.proof.interrupted:
            return CaseStatus.INTERRUPTED
        return CaseStatus.UNDECIDED if self.undecided_because else CaseStatus.HEALTHY

    @property
    def undecided_because(self) -> tuple[str, ...]:
        """Short ids of the reasons why a run without findings may still have a problem, such as `nothing_learned`."""
        open_suspicion = ("open_suspicion",) if self.undecided_suspicions else ()
        nothing = ("nothing_learned",) if self.has_learned_nothing else ()
        return (*open_suspicion, *nothing, *(reservation.kind for reservation in self.reservations))

    @property
    def reservations(self) -> tuple[Reservation, ...]:
        """The properties of the run and its trials that rule out the verdict "no problem found"."""
        rate_was_varied = any("learning_rate" in trial.remedies for trial in self._effective_trials)
        of_run = [r for r in reservations(self.record) if not (r.kind == "steps_too_long" and rate_was_varied)]
        if self.proof.limit == "budget":
            of_run += check_stages(self.record)
        of_settings = [trial for trial in self.trials if not QUANTITIES.keys().isdisjoint(trial.remedies)]
        if not of_settings or self._effective_trials:
            return tuple(of_run)
        sentence = (
            f"no setting was varied: none of the {len(self.trials)} remedies that were tried changed the run"
            if len(self.trials) > 1
            else "no setting was varied: the only remedy that was tried did not change the run"
        )
        return (*of_run, Reservation("settings_not_varied", 0, 1, sentence))

    @property
    def can_be_improved(self) -> bool:
        """Whether improvements are worth suggesting, because the run learns and no problem is found or suspected."""
        return self.status in (CaseStatus.HEALTHY, CaseStatus.UNDECIDED) and not (
            self.undecided_suspicions or self.has_learned_nothing
        )

    @property
    def is_settled(self) -> bool:
        """Whether the diagnosis is final, so that later stages of the training need not be examined."""
        return (
            bool(self.findings or self.proof.interrupted or self.proof.changed)
            or self.status == CaseStatus.SCRIPT_FAILED
        )

    @property
    def has_learned_nothing(self) -> bool:
        """Whether the final loss is that of a constant prediction, or a metric ends near an untrained network's."""
        has_unimproved = summarise(self.record).has_unimproved_metric
        return not self.shortfall and (predicts_constant(self.record) or has_unimproved)

    @property
    def exit_status(self) -> int:
        """The exit status of `descend doctor`: that of the overall result, or of the signal that interrupted it."""
        return self.proof.interruption if self.proof.interrupted else EXIT_STATUSES[self.status]

    @property
    def script_status(self) -> int | None:
        """The script's own exit status in the observed run; None if the run was stopped before the script ended."""
        ending = self.record.ending
        has_ended = ending and ending.reason in (EndReason.FINISHED, EndReason.FAILED, EndReason.KILLED)
        return ending.status if ending and has_ended else None

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """For each problem in the catalog, whether the run was checked for it and, if not, why."""
        return list_checks(self.record, self.left_out)

    @property
    def shortfall(self) -> str:
        """Why a run that ended normally is too short to diagnose; "" if it is long enough."""
        ending, record = self.record.ending, self.record
        if ending is None or ending.reason not in (EndReason.FINISHED, EndReason.WINDOW) or record.steps > 1:
            return ""
        if ending.reason == EndReason.WINDOW:
            return self._cut_off_message(ending)
        if record.steps == 0 and record.site(SiteKind.BACKWARD):
            return (
                "calls backward(), but no optimizer takes a step, so nothing is trained (is optimizer.step() missing?)"
            )
        if record.steps == 0:
            passes = record.fact(facts.BackwardPasses)
            happened = (
                f"made {passes.backward} backward passes but took no optimizer step"
                if passes and passes.backward
                else "ended without an optimizer step or a backward pass"
            )
            return f"{happened}, so there is nothing to diagnose"
        return "ended after a single optimizer step, which is too little to diagnose"

    def require_enough_steps(self) -> None:
        """Raise `UsageError` if the run is too short to diagnose and no problem was found."""
        if self.shortfall and not self.findings:
            raise UsageError(f"{self.record.script} {self.shortfall}")

    def _cut_off_message(self, ending: Ending) -> str:
        """Return a message for a run observed for less than two optimizer steps, with the option that extends it."""
        record, cut = self.record, self.record.fact(facts.TimedOut) or facts.TimedOut(ending.wall_s, None)
        at = cut.place
        place = f" (it was then at {_relative_path(at.file, record.root)}:{at.line})" if at else ""
        has_budget = any(option.startswith("--budget") for option in self.options)
        limits = "a longer --budget" if has_budget else "--steps or --seconds" if record.steps else "--seconds"
        more = f"use {limits} to observe it for longer"
        if record.steps:
            spent = f"{ending.loop_s:.0f} s after its training began"
            return f"had taken a single optimizer step {spent}{place}, which is too little to diagnose; {more}"
        if record.site(SiteKind.BACKWARD):
            spent = f"in {ending.loop_s:.0f} s of training"
            return f"calls backward(), but no optimizer took a step {spent}{place}, so nothing is trained; {more}"
        return f"took no optimizer step in {cut.seconds:.0f} s{place}, so there is nothing to diagnose; {more}"

    @property
    def open_suspicions(self) -> tuple[Symptom, ...]:
        """The suspected problems that no trial has ruled out, without those that another suspected problem explains."""
        return tuple(unexplained_symptoms([s for s in self.suspicions if s.id not in self.proof.dismissed]))

    @property
    def withdrawn_findings(self) -> tuple[tuple[Symptom, Trial], ...]:
        """The certain findings that were withdrawn, each with the trial that showed that every remedy harms the run."""
        trials = {symptom: trial for trial in self.trials if trial.refutes for symptom in trial.symptoms}
        return tuple((symptom, trials[symptom.id]) for symptom in self.suspicions if symptom.id in trials)

    @property
    def undecided_suspicions(self) -> tuple[Symptom, ...]:
        """The likely problems in `open_suspicions`; all of them if no trial had an effect or trials were stopped.

        If no trials were requested, only the likely ones count, because the others need a trial.
        """
        were_stopped = self.proof.interrupted or self.proof.changed or self.proof.limit == "budget"
        were_tried = bool(self._effective_trials) and not were_stopped
        return tuple(s for s in self.open_suspicions if s.likely or not (were_tried or self.proof.limit == "quick"))

    @property
    def _effective_trials(self) -> list[Trial]:
        """The trials whose edit changed the run and whose result was compared with the baseline."""
        return [trial for trial in self.trials if trial.was_judged and trial.has_changed_the_run]

    @property
    def unproved_trial(self) -> Trial | None:
        """The first trial that failed to prove a remedy for a certain problem that the fix does not solve, if any.

        The trial and the fix edit different lines. For a mistake in the training loop, a trial with a higher cost also
        counts, because the learning rate may have been chosen while the script had the mistake.
        """
        fixed = self.fix.symptoms if self.fix else ()
        certain = [f.id for f in self.findings if f.certain and f.id not in fixed]
        verdicts = {Verdict.FAILED, Verdict.NOT_PROVED, Verdict.NO_EFFECT} | (set() if self.fix else {Verdict.HELPS})
        known = [t for t in self.trials if t.patch and t.verdict in verdicts]
        wiring = {f.id for f in self.findings if f.kind == "wiring"}
        worse = [t for t in self.trials if t.patch and t.verdict == Verdict.WORSE and isfinite(t.after)]
        known += [t for t in worse if not wiring.isdisjoint(t.symptoms)]
        known = [t for t in known if self.fix is None or not share_a_change(t.patch, self.fix.patch)]
        return next((trial for fact in certain for trial in known if fact in trial.symptoms), None)

    @property
    def patch(self) -> str | None:
        """The fix as a unified diff; None if there is no fix, or if there is no file to patch."""
        return self.fix.patch or None if self.fix and not self.streamed else None


def _relative_path(file: str, root: str) -> str:
    """Return the path of a file relative to the folder `root` if the file is inside it, otherwise unchanged."""
    return str(Path(file).relative_to(root)) if root and Path(file).is_relative_to(root) else file
