"""What is shown while the doctor works: how far it is, how long it will take, and the first sure finding."""

import threading
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from descend.plan import Plan
from descend.record import Ending, Message, Record
from descend.report.wording import home, told
from descend.symptoms import Symptom
from descend.watching.alerts import Alerts


class Live:
    """A context that shows a run and its trials as they go; `show` is given every message."""

    def __init__(self, console: Console, plan: Plan) -> None:
        self._console, self._plan = console, plan
        bar = (
            TextColumn("{task.description}", style="bold"),
            BarColumn(24),
            TextColumn("{task.fields[what]}"),
        )
        self._progress = Progress(
            SpinnerColumn(), *bar, TimeRemainingColumn(compact=True), console=console, transient=True
        )
        self._watching = self._progress.add_task("watching", total=plan.steps, what="starting")
        self._trying = self._progress.add_task("trials", total=None, what="", visible=False)
        self._alerts = Alerts(self._tell, select=plan.select, ignore=plan.ignore, kinds=("wiring",))
        self._arms: dict[int, float] = {}  # an arm's share of its window that is done
        self._lock = threading.Lock()

    def __enter__(self) -> "Live":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, record: Record, messages: list[Message]) -> None:
        """Take messages of the exam or of an arm, from any thread."""
        with self._lock:
            if record.role == "exam":
                self._show_exam(record, messages)
            else:
                self._show_arm(record, messages)

    def _show_exam(self, record: Record, messages: list[Message]) -> None:
        done = record.steps
        self._progress.update(self._watching, completed=done, what=f"{done} of at most {self._plan.steps} steps")
        ended = any(isinstance(m, Ending) for m in messages)
        self._alerts.look(record, messages)
        if ended:
            self._progress.update(self._watching, visible=False)

    def _tell(self, symptom: Symptom) -> None:
        self._console.print(f"[bold]seen[/]       {escape(told(symptom, home(symptom)))}", highlight=False)

    def _show_arm(self, record: Record, messages: list[Message]) -> None:
        ended = any(isinstance(m, Ending) for m in messages)
        self._arms[id(record)] = 1.0 if ended else 0.5
        done = sum(share == 1.0 for share in self._arms.values())
        what = f"{done} runs done, {len(self._arms) - done} going"
        self._progress.update(self._trying, visible=True, what=what)
