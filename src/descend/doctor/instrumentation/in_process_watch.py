"""The context manager of `with descend.watch(model, optimizer):`, which observes the training in this process."""

import json
import os
import subprocess
import sys
import threading
import time
import traceback
import warnings
import weakref
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from torch.optim import Optimizer

from descend.core.interruption import interruption_status
from descend.doctor.instrumentation.hooks import observing
from descend.doctor.instrumentation.observer import Observer
from descend.doctor.instrumentation.run_observation import RunObservation
from descend.doctor.instrumentation.script_traceback import strip_own_frames
from descend.doctor.script.run_names import EndReason

RECORDER = "from descend.doctor.commands.watch.recorder import main; main()"
EXIT_TIMEOUT_S = 30.0  # seconds to wait at the end until the recorder has written the last messages

OnFinding = Callable[[dict[str, Any]], object]


class Watch:
    """A context manager that watches the training in this process; `descend.watch` returns it.

    `run` is the run's number in the store, `findings` the certain findings so far, as in the JSON contract. If the
    script already runs under `descend`, or nothing can be recorded, it prints a message and does nothing else. made_at:
    the file and the line that called `descend.watch`, for a warning if the `with` statement is missing.
    """

    def __init__(
        self,
        optimizers: Sequence[Optimizer],
        store: str,
        ignore: Sequence[str],
        on_finding: OnFinding | None,
        webhook: str,
        made_at: tuple[str, int],
    ) -> None:
        # The finalizer runs when the object is deleted, and at the latest when Python exits.
        self._unused = weakref.finalize(self, _warn_of_unused_watch, *made_at)
        self.run: int | None = None
        self.findings: list[dict[str, Any]] = []
        self._optimizers, self._on_finding = optimizers, on_finding
        self._settings = {"store": store, "ignore": list(ignore), "webhook": webhook}
        self._stack: ExitStack | None = None
        self._observation: RunObservation | None = None
        self._recorder: subprocess.Popen[bytes] | None = None
        self._listening: threading.Thread | None = None

    def __enter__(self) -> "Watch":
        if self._stack is not None:
            raise RuntimeError("descend.watch: this context has already been used; create a new one")
        self._unused.detach()
        self._stack = ExitStack()
        if RunObservation.active is not None:
            _print_message("this process is already being watched, so this descend.watch does nothing")
            return self
        began = time.perf_counter()
        try:
            pipes = self._start_recorder()
        except OSError as error:  # The operating system allows no more processes or descriptors.
            _print_message(f"the training continues without being recorded: {error}")
            return self
        self._observation = RunObservation("watch", pipes, began)
        observer = self._observation.observer
        assert isinstance(observer, Observer)
        self._stack.enter_context(observing(observer))
        for optimizer in self._optimizers:
            observer.optimizer_made(optimizer, sys._getframe(1))
        return self

    @property
    def is_on(self) -> bool:
        """Return whether the script is inside the `with` block, so that its training is being watched."""
        return self._observation is not None and RunObservation.active is self._observation

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._stack is not None
        self._stack.close()
        if self._observation is None or self._recorder is None:
            return
        if error is not None:
            strip_own_frames(error)
        failure = EndReason.INTERRUPTED if isinstance(error, KeyboardInterrupt) else EndReason.FAILED
        reason = EndReason.FINISHED if error is None else failure
        text = "" if error is None else "".join(traceback.format_exception(error))
        status = interruption_status(error) if isinstance(error, KeyboardInterrupt) else int(error is not None)
        self._observation.end(reason, status, text)
        self._observation.close()
        try:
            self._recorder.wait(EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            _print_message("the record is not complete yet; it is being written in the background")
        if self._listening is not None:
            self._listening.join(1.0)

    def _start_recorder(self) -> tuple[int, int]:
        """Start the process that stores the record; return the file descriptors of the pipes to this process."""
        (reading, writing), (hearing, telling), (answers, answering) = (os.pipe() for _ in range(3))
        settings = {
            **self._settings,
            "readers": [reading, hearing],
            "answering": answering,
            "arguments": [sys.argv[0] or "python", *sys.argv[1:]],
            "parent": os.getpid(),
        }
        # Because of -P, Python does not import a file descend.py in the working directory instead of the package.
        command = [sys.executable, "-P", "-c", RECORDER]
        path = os.pathsep.join([str(Path(__file__).parents[3]), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._recorder = subprocess.Popen(
            command,
            pass_fds=(reading, hearing, answering),
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path, "DESCEND_RECORDER": json.dumps(settings)},
            start_new_session=True,  # Ctrl-C must not stop the recorder, which still has to write.
        )
        for descriptor in (reading, hearing, answering):
            os.close(descriptor)
        self._listening = threading.Thread(target=self._listen, args=(answers,), name="descend-answers", daemon=True)
        self._listening.start()
        return writing, telling

    def _listen(self, answers: int) -> None:
        """Read the recorder's answers, and handle each answer, in a separate thread."""
        with os.fdopen(answers, encoding="utf-8") as lines:
            for line in lines:
                self._handle_answer(json.loads(line))

    def _handle_answer(self, answer: dict[str, Any]) -> None:
        """Handle an answer of the recorder: the run's number, a message to print, or a finding."""
        self.run = answer.get("run", self.run)
        if "say" in answer:
            _print_message(answer["say"])
        if "finding" in answer:
            self.findings.append(answer["finding"])
            if self._on_finding is not None:
                try:
                    self._on_finding(answer["finding"])
                except Exception:
                    _print_message(f"on_finding failed:\n{traceback.format_exc()}")


def _warn_of_unused_watch(file: str, line: int) -> None:
    """Warn that the context manager that `descend.watch` returned to a line of the script was never entered."""
    text = "descend.watch records nothing without a with statement: write with descend.watch(model, optimizer): ..."
    warnings.warn_explicit(text, RuntimeWarning, file, line)


def _print_message(text: str) -> None:
    """Print a message of `descend` to standard error."""
    print(f"descend: {text}", file=sys.stderr, flush=True)
