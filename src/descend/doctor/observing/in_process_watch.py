"""`with descend.watch(model, optimizer):` observes the process that it stands in, as `descend watch` does a script."""

import json
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from torch import nn
from torch.optim import Optimizer

from descend.doctor.observing.hooks import observing
from descend.doctor.observing.observation import Observation
from descend.doctor.observing.observer import Observer
from descend.doctor.observing.traceback import strip
from descend.ground.interruption import interruption_status

RECORDER = "from descend.doctor.commands.watching.recorder import main; main()"
PARTING_S = 30.0  # for what is under way to be written, and the last look at it

OnFinding = Callable[[dict[str, Any]], object]


class Watch:
    """A training that is watched for as long as the context lasts.

    `run` is its number in the store, `findings` what was sure so far, as in the JSON contract. Where the script runs
    under `descend` already, or nothing can be recorded, it does nothing but say so.
    """

    def __init__(
        self,
        optimizers: Sequence[Optimizer],
        store: str,
        ignore: Sequence[str],
        on_finding: OnFinding | None,
        webhook: str,
    ) -> None:
        self.run: int | None = None
        self.findings: list[dict[str, Any]] = []
        self._optimizers, self._on_finding = optimizers, on_finding
        self._settings = {"store": store, "ignore": list(ignore), "webhook": webhook}
        self._stack: ExitStack | None = None
        self._observation: Observation | None = None
        self._recorder: subprocess.Popen[bytes] | None = None
        self._listening: threading.Thread | None = None

    def __enter__(self) -> "Watch":
        if self._stack is not None:
            raise RuntimeError("descend.watch: this one has been entered already; make another")
        self._stack = ExitStack()
        if Observation.active is not None:
            _say("this training is watched already")
            return self
        began = time.perf_counter()
        try:
            pipes = self._start_recorder()
        except OSError as error:  # no process, no descriptor is left
            _say(f"the training goes on unrecorded: {error}")
            return self
        self._observation = Observation("watch", pipes, began)
        observer = self._observation.watch
        assert isinstance(observer, Observer)
        self._stack.enter_context(observing(observer))
        for optimizer in self._optimizers:
            observer.optimizer_made(optimizer, sys._getframe(1))
        return self

    @property
    def is_on(self) -> bool:
        """Whether it has been entered, and not left."""
        return self._observation is not None and Observation.active is self._observation

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._stack is not None
        self._stack.close()
        if self._observation is None or self._recorder is None:
            return
        if error is not None:
            strip(error)
        reason = "finished" if error is None else "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        text = "" if error is None else "".join(traceback.format_exception(error))
        status = interruption_status(error) if isinstance(error, KeyboardInterrupt) else int(error is not None)
        self._observation.end(reason, status, text)
        self._observation.close()
        try:
            self._recorder.wait(PARTING_S)
        except subprocess.TimeoutExpired:
            _say("the record is not written yet; it goes on in the background")
        if self._listening is not None:
            self._listening.join(1.0)

    def _start_recorder(self) -> tuple[int, int]:
        """Start the process that keeps the record; return where messages to it go."""
        (reading, writing), (hearing, telling), (answers, answering) = (os.pipe() for _ in range(3))
        settings = {
            **self._settings,
            "readers": [reading, hearing],
            "answering": answering,
            "arguments": [sys.argv[0] or "python", *sys.argv[1:]],
            "parent": os.getpid(),
        }
        command = [sys.executable, "-P", "-c", RECORDER]  # a file of the working directory may be called as we are
        path = os.pathsep.join([str(Path(__file__).parents[3]), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._recorder = subprocess.Popen(
            command,
            pass_fds=(reading, hearing, answering),
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path, "DESCEND_RECORDER": json.dumps(settings)},
            start_new_session=True,  # Ctrl-C is for the training; what it leaves is still to be written
        )
        for descriptor in (reading, hearing, answering):
            os.close(descriptor)
        self._listening = threading.Thread(target=self._listen, args=(answers,), name="descend-answers", daemon=True)
        self._listening.start()
        return writing, telling

    def _listen(self, answers: int) -> None:
        with os.fdopen(answers, encoding="utf-8") as lines:
            for line in lines:
                self._hear(json.loads(line))

    def _hear(self, answer: dict[str, Any]) -> None:
        self.run = answer.get("run", self.run)
        if "say" in answer:
            _say(answer["say"])
        if "finding" in answer:
            self.findings.append(answer["finding"])
            if self._on_finding is not None:
                try:
                    self._on_finding(answer["finding"])
                except Exception:
                    _say(f"on_finding failed:\n{traceback.format_exc()}")


def watch(
    model: nn.Module | None = None,
    optimizer: Optimizer | Iterable[Optimizer] = (),
    *,
    store: str | os.PathLike[str] = ".descend",
    ignore: Sequence[str] = (),
    on_finding: OnFinding | None = None,
    webhook: str = "",
) -> Watch:
    """Return a context in which this process's training is recorded, its losses unchanged, its sure findings told.

    `model` and `optimizer` (one, or several) are those that are trained; what is trained is also seen without them.
    Runs are kept in the folder `store`, or at a database's URL. `ignore` has ids of symptoms that are not wanted.
    `on_finding` is called with each sure finding, once, as a dictionary of the JSON contract, from another thread;
    `webhook` is an address that each is posted to. Raises `TypeError` for what is no module or optimizer.

    >>> with descend.watch(model, optimizer):
    ...     train(model, optimizer)
    """
    optimizers = [optimizer] if isinstance(optimizer, Optimizer) else list(optimizer)
    if model is not None and not isinstance(model, nn.Module):
        raise TypeError(f"descend.watch: model must be a torch.nn.Module, not {type(model).__name__}")
    for known in optimizers:
        if not isinstance(known, Optimizer):
            raise TypeError(f"descend.watch: optimizer must be a torch.optim.Optimizer, not {type(known).__name__}")
    return Watch(optimizers, os.fspath(store), ignore, on_finding, webhook)


def _say(text: str) -> None:
    print(f"descend: {text}", file=sys.stderr, flush=True)
