"""Show the progress of a consultation: completed steps and trials, the time left, certain findings, proved fixes.

A terminal shows two progress bars; any other output gets a line every few seconds.
"""

import threading
from collections.abc import Iterable
from types import TracebackType

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from descend.core.deadline import Deadline
from descend.doctor.assess.symptom import Symptom
from descend.doctor.commands.remaining_time import BaselineProgress, TrialsProgress
from descend.doctor.commands.watch.alerts import Alerts
from descend.doctor.record import Ending, Message, Record
from descend.doctor.report.console import changed_lines
from descend.doctor.report.formatting import count, finding_message, one_line, source_folder
from descend.doctor.report.verdict import change_message
from descend.doctor.script.plan import Plan
from descend.doctor.script.run_names import Role
from descend.doctor.trials.proof import PROVED
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.verdicts import Verdict

DRAWN_EVERY_S = 0.5
PRINTED_EVERY_S = 5.0
EVALUATING = "evaluating the measurements"
HINT = "Ctrl-C ends the work and reports what is known so far"


class _BarsWithHint(Progress):
    """Progress bars with the hint that Ctrl-C loses nothing below them."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the bars, then the hint."""
        yield from super().get_renderables()
        yield Text(HINT, "dim")


class ProgressDisplay:
    """A context manager that shows the progress of a diagnosis on the terminal; pass all messages of runs to `show`."""

    def __init__(self, console: Console, plan: Plan) -> None:
        self._console = console
        self._is_drawn = console.is_terminal and not console.is_dumb_terminal
        bar = (TextColumn("{task.description}", style="bold"), BarColumn(24), TextColumn("{task.fields[what]}"))
        self._progress = _BarsWithHint(SpinnerColumn(), *bar, console=console, transient=True)
        self._baseline_bar = self._progress.add_task("baseline", total=plan.steps, what="starting")
        self._trials_bar = self._progress.add_task("trials", total=None, what="", visible=False)
        self._alerts = Alerts(self._print_finding, select=plan.select, ignore=plan.ignore, kinds=("wiring",))
        deadline = Deadline.after(plan.budget_s)
        self._baseline = BaselineProgress(0 if plan.quick else plan.proof_length, deadline)
        self._trials = TrialsProgress(plan.jobs, plan.seeds, deadline)
        self._last_line = ""
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="descend-progress", daemon=True)

    def __enter__(self) -> "ProgressDisplay":
        if self._is_drawn:
            self._progress.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if self._is_drawn:
            self._progress.stop()

    def show(self, record: Record, messages: list[Message]) -> None:
        """Update the progress after new messages of the baseline run or of a trial. May be called from any thread."""
        with self._lock:
            if record.role == Role.BASELINE and record.parent is None:
                self._baseline.update(record, messages)
                self._trials.baseline_s = self._baseline.script_s
                self._alerts.update(record, messages)
            elif record.ending is None or any(isinstance(message, Ending) for message in messages):
                self._trials.update(record, messages)

    def plan_runs(self, runs: int, later: int) -> None:
        """Announce a round of runs, and the number of those that follow it."""
        with self._lock:
            self._trials.plan_runs(runs, later)

    def show_fix(self, fix: Trial) -> None:
        """Print a fix with its changed lines while further trials go on, or print why an earlier fix is withdrawn."""
        label = one_line(fix.label)
        if fix.verdict not in (*PROVED, Verdict.PARTLY_FIXES):
            self._console.print(Text("withdrawn  ", "bold") + Text(f"{label}: {one_line(fix.reason)}"))
            return
        name = f"{'proved' if fix.verdict in PROVED else 'partly fixes':10} "
        text = f"{label}: {change_message(fix)} on {count(len(fix.seeds), 'seed')}; further checks follow"
        self._console.print(Text(name, "bold green") + Text(text), *changed_lines(fix.patch), sep="\n")

    def _run(self) -> None:
        """Redraw or print the progress regularly until the context manager exits."""
        while not self._over.wait(DRAWN_EVERY_S if self._is_drawn else PRINTED_EVERY_S):
            with self._lock:
                if self._is_drawn:
                    self._draw_bars()
                else:
                    self._print_line()

    def _draw_bars(self) -> None:
        """Redraw the progress bars of the baseline run and of the trials."""
        baseline, trials = self._baseline, self._trials
        self._progress.update(
            self._baseline_bar,
            completed=baseline.steps,
            total=baseline.most_steps,
            what=EVALUATING if baseline.is_over else baseline.message,
            visible=not baseline.is_over or not trials.announced,
        )
        self._progress.update(
            self._trials_bar,
            completed=trials.done,
            total=trials.total,
            what=trials.message,
            visible=bool(trials.announced),
        )

    def _print_line(self) -> None:
        """Print the progress as one line, unless the line is the same as the last one."""
        line = f"baseline: {self._baseline.message}"
        if self._baseline.is_over:
            line = f"trials: {self._trials.message}" if self._trials.announced else EVALUATING
        if line != self._last_line:
            hint = "" if self._last_line else f" ({HINT})"
            self._last_line = line
            self._console.print(f"descend: {line}{hint}", markup=False, highlight=False, soft_wrap=True)

    def _print_finding(self, symptom: Symptom) -> None:
        """Print a finding that is certain while the baseline run still goes on."""
        message = escape(finding_message(symptom, source_folder(symptom)))
        self._console.print(f"[bold]seen[/]       {message}", highlight=False)
