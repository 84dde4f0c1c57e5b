"""What is shown while the doctor works: how far it is, how long it will take, and the first sure finding.

On a terminal two bars; elsewhere a line every few seconds.
"""

import threading
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from descend.doctor.commands.pace import ExamPace, TrialsPace
from descend.doctor.commands.watching.alerts import Alerts
from descend.doctor.record import Message, Record
from descend.doctor.report.wording import home, told
from descend.doctor.script.plan import Plan
from descend.doctor.symptoms import Symptom

DRAWN_EVERY_S = 0.5
TOLD_EVERY_S = 5.0


class Live:
    """A context that shows a run and its trials as they go; `show` is given every message."""

    def __init__(self, console: Console, plan: Plan) -> None:
        self._console = console
        self._is_drawn = console.is_terminal and not console.is_dumb_terminal
        bar = (TextColumn("{task.description}", style="bold"), BarColumn(24), TextColumn("{task.fields[what]}"))
        self._progress = Progress(SpinnerColumn(), *bar, console=console, transient=True)
        self._watching = self._progress.add_task("watching", total=plan.steps, what="starting")
        self._trying = self._progress.add_task("trials", total=None, what="", visible=False)
        self._alerts = Alerts(self._tell, select=plan.select, ignore=plan.ignore, kinds=("wiring",))
        self._exam, self._trials = ExamPace(), TrialsPace(plan.jobs)
        self._last = ""  # the line that was told last
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="descend-progress", daemon=True)

    def __enter__(self) -> "Live":
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
        """Take messages of the baseline or of a trial run, from any thread."""
        with self._lock:
            if record.role == "baseline":
                self._exam.take(record, messages)
                self._trials.exam_s = self._exam.spent
                self._alerts.look(record, messages)
            else:
                self._trials.take(record, messages)

    def _run(self) -> None:
        while not self._over.wait(DRAWN_EVERY_S if self._is_drawn else TOLD_EVERY_S):
            with self._lock:
                if self._is_drawn:
                    self._draw()
                else:
                    self._say()

    def _draw(self) -> None:
        baseline, trials = self._exam, self._trials
        self._progress.update(
            self._watching,
            completed=baseline.steps,
            total=baseline.most_steps,
            what=baseline.words,
            visible=not baseline.is_over,
        )
        self._progress.update(
            self._trying, completed=trials.done, total=trials.known, what=trials.words, visible=bool(trials.known)
        )

    def _say(self) -> None:
        line = f"watching: {self._exam.words}"
        if self._exam.is_over:
            line = f"trials: {self._trials.words}" if self._trials.known else "reading what was measured"
        if line != self._last:
            self._last = line
            self._console.print(f"descend: {line}", markup=False, highlight=False, soft_wrap=True)

    def _tell(self, symptom: Symptom) -> None:
        self._console.print(f"[bold]seen[/]       {escape(told(symptom, home(symptom)))}", highlight=False)
