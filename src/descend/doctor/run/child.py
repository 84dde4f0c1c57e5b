"""The observed script's own process: `python -c "... main()" CONFIG`, under the script's interpreter.

Needs torch and the standard library only. The script finds itself as under plain python: `__main__`, `sys.argv`,
`sys.path[0]`, working directory, exit status and traceback are its own.
"""

import errno
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from descend.doctor.record import Fact, Note, facts
from descend.doctor.run.busy_machine import OwnTime
from descend.doctor.run.execute import Program, execute
from descend.doctor.run.other_threads import LAST_STEP_S, own_limit, when_training_ends
from descend.doctor.run.peers import grouped
from descend.doctor.run.torch_version import require_torch

CHANNEL_CLOSED = signal.SIGRTMAX - 2  # the script has closed the pipe to its parent: no status that it may exit with
FLUSH_S = 1.0  # for what the script has put in the place of its standard streams


@dataclass(frozen=True)
class Config:
    """What the parent asks for."""

    path: str  # the script that runs: the user's own file, or its copy
    root: str  # the working directory, or its copy
    original_root: str
    files: str  # the folder that stands for the root of the file system; "" when the script runs in place
    module: str | None
    arguments: list[str]
    role: str  # watch, baseline, trial_run, gradcheck, show, or bare: nothing is done but counting steps
    asked: dict[str, Any]  # what is to be shown, at which steps, and how; in the role bare, that steps are timed
    steps: int
    seconds: float
    least_steps: int
    quick_s: float
    timed: bool  # whether time bounds the run and its measuring, too
    patience: float  # a script that is not watched must have begun to train after so many seconds
    seed: int
    stage: int | None  # the optimizer whose stage is looked at, until another one is made; None for the whole run
    spread: bool  # whether a trial run looks at batches from all over the run
    examples: int  # how many of the first ones are fixed at most; 0 for as many as suffice
    peers: int  # other processes of the script's group, which run beside it and are not observed
    rank: int  # which of them this one is; 0 is observed
    trains: bool  # whether the optimizers' steps move the parameters
    descriptor: int  # where messages go
    telling: int  # where forked workers' messages go
    allow_effects: bool
    level: str  # of its confinement, as its keeper has it; "none" where nothing is refused
    parent: int  # the process at whose end the keeper ends it
    writable: list[str]
    started: float  # time.monotonic(), which all processes share, when the parent began

    @property
    def watched(self) -> bool:
        """Whether this is the user's own run, and not one of ours in a scratch copy."""
        return self.role == "watch"


def main(house: str) -> NoReturn:
    """Run the script that the configuration names, under observation. `house` is where this package lies."""
    config = Config(**json.loads(sys.argv[1]))
    require_torch()
    arrange_path(house)
    begin(config)


def begin(config: Config) -> NoReturn:
    """Run the script, as the last thing that this process does."""
    if config.peers:
        config = grouped(config)
    began = time.perf_counter() - (time.monotonic() - config.started)  # the clock on the wall may be set meanwhile
    status = Run(config, began).run()
    if not config.watched:
        _leave(status)
    sys.exit(status)


def arrange_path(house: str) -> None:
    """Let the script's own packages come first, and nothing from the working directory unless it asks for it."""
    sys.path.remove(house)
    sys.path.append(house)


class Run:
    """One run of the script, from its first line to its end or to the end of the window."""

    def __init__(self, config: Config, began: float) -> None:
        from descend.doctor.observing.observation import Observation
        from descend.doctor.observing.own_numbers import Hearing

        self.config, self.began = config, began
        pipes = (config.descriptor, config.telling)
        self.observation = Observation(
            config.role, pipes, began, files=config.files, timed=config.timed, lost=self._nobody_listens
        )
        self.observation.look(
            stage=config.stage or 0, spread=config.spread, examples=config.examples, asked=config.asked
        )
        self.watch, self.budget = self.observation.watch, self.observation.budget
        self.channel = self.observation.channel
        self.heard = Hearing(self.channel.send, lambda: self.watch.steps)
        self.own_time: OwnTime | None = None  # since the first step
        self.least_s = min(config.quick_s, config.seconds)
        self.ended = threading.Lock()
        self.last_words: list[Callable[[], None]] = []  # what only the whole run shows

    def run(self) -> int:
        """Run the script; return its exit status. Does not return where the window ends first."""
        from descend.doctor.observing.bare_run import BareRun, counting
        from descend.doctor.observing.own_numbers import hearing
        from descend.doctor.run.reads import noting_reads
        from descend.doctor.run.seeds import offset_seeds
        from descend.doctor.run.stage import waiting
        from descend.doctor.run.uncompiled import uncompiled
        from descend.doctor.run.untrained import untrained

        config = self.config
        program = Program(config.path, config.root, config.module, config.arguments, config.files)
        with ExitStack() as stack:
            if not config.watched:
                self._close_sandbox(stack)
                stack.enter_context(offset_seeds(config.seed))
                stack.enter_context(uncompiled(self.channel.send))
                self.watch.after_step = self._after_step
                if config.role == "baseline":
                    stack.enter_context(noting_reads(self.observation.tree.original, self.channel.tell))
                # at once: an exit status says nothing about descend after this, and its first step is waited for
                self.channel.tell_at_once([Fact.of(facts.Begun(), 0)])
                threading.Thread(target=self._keep_time, name="descend-time", daemon=True).start()
                if config.role in ("baseline", "trial_run"):
                    stack.enter_context(hearing(self.heard))
                if not config.trains:
                    stack.enter_context(untrained())
            if config.stage is not None:
                teller = self.watch if isinstance(self.watch, BareRun) else self.watch.steppers
                teller.stage_over = self._stage_over
            if isinstance(self.watch, BareRun):
                stack.enter_context(counting(self.watch))
            elif config.stage:
                stack.enter_context(waiting(config.stage, self.watch, self._observe))
            else:
                self._observe(stack)
            status, error = execute(program) if config.watched else execute(program, self._main_ended)
            if config.rank and (error or status):
                sys.stderr.write(f"process {config.rank} of the group:\n{error}")
            self._end("failed" if error or status else "finished", status, error)
        return status

    def _observe(self, stack: ExitStack) -> None:
        from descend.doctor.observing.beside_the_loop import observing_beside_the_loop
        from descend.doctor.observing.custom import observing_functions
        from descend.doctor.observing.evaluation_tape import taping_evaluations
        from descend.doctor.observing.fetching import watching_fetches
        from descend.doctor.observing.hooks import observing
        from descend.doctor.observing.modes import modes_of, observing_modes
        from descend.doctor.observing.observer import Observer

        assert isinstance(self.watch, Observer)
        if self.config.role == "baseline":
            stack.enter_context(watching_fetches(self.watch))  # below what pauses a tape meanwhile
        stack.enter_context(observing(self.watch))
        if self.config.role in ("baseline", "trial_run", "gradcheck", "show"):
            stack.enter_context(observing_functions(self.watch.functions))
            stack.enter_context(observing_beside_the_loop(self.watch.beside))
        if self.config.role == "baseline":
            modes = stack.enter_context(observing_modes(modes_of(self.watch)))
            self.last_words.append(modes.finish)
        if self.config.role in ("baseline", "trial_run"):
            evaluations = taping_evaluations(self.watch, probing=self.config.role == "baseline")
            self.last_words.append(stack.enter_context(evaluations).finish)

    def _close_sandbox(self, stack: ExitStack) -> None:
        import torch

        from descend.doctor.sandbox.effects import watch_effects, wrap_native_writers
        from descend.doctor.sandbox.file_effects import SharedFolders
        from descend.doctor.sandbox.imports import import_from_copy
        from descend.doctor.sandbox.namespaces import PRIVATE

        config = self.config
        import_from_copy(Path(config.root), Path(config.original_root))
        allowed = [Path(p) for p in config.writable]
        linked = (Path(config.root), Path(config.original_root))
        in_namespaces = config.level == "namespaces"
        shared = SharedFolders(PRIVATE if in_namespaces else PRIVATE[:1])
        watch = watch_effects(allowed, linked, self.channel.tell, config.allow_effects, shared, in_namespaces)
        stack.callback(watch.stop)
        wrap_native_writers(torch, watch)

    # -- the window

    def _after_step(self, steps: int) -> None:
        config, trained = self.config, self._trained() if self.config.timed else 0.0
        is_enough = steps >= config.least_steps and trained >= config.quick_s
        if is_enough or steps >= config.steps or trained >= config.seconds:
            self._end("window", 0, "")
            _leave()

    def _stage_over(self) -> None:
        self._end("finished", 0, "")
        _leave()

    def _trained(self) -> float:
        """Return the seconds of training, but for those in which other programs had the processor."""
        began = self.watch.began
        if began is None:
            return 0.0
        self.own_time = self.own_time or OwnTime()  # what is imported and read before counts for nothing
        trained = time.perf_counter() - began - self.budget.used
        return trained if trained < self.least_s else trained * self.own_time.share()

    def _keep_time(self) -> None:
        """End a script that takes no step for so long that it would run forever."""
        limit, began = own_limit(self.config.seconds), time.perf_counter()
        while self.watch.began is not None or time.perf_counter() - began < self.config.patience:
            time.sleep(0.5)
            if self._trained() > limit:
                break
        if self.ended.acquire(blocking=False):
            self._say_where(time.perf_counter() - began)
            self.observation.send_ending("window", 0, "")
            _leave()

    def _main_ended(self, status: int, error: str) -> None:
        with suppress(RuntimeError):  # no further thread can be started: those of the script are waited for
            when_training_ends(self.watch, partial(self._leave_threads, status, error))

    def _leave_threads(self, status: int, error: str, note: Note) -> None:
        """End the run though threads of the script go on; the note says which."""
        if self.ended.acquire(blocking=False):
            self.channel.send([note])
            self._finish("failed" if error or status else "finished", status, error)
            _leave(status)

    def _say_where(self, seconds: float) -> None:
        """Say for how long the script has run, and which line of the user's it is at."""
        ident = threading.main_thread().ident
        tree = self.observation.tree
        frame = tree.in_script(sys._current_frames().get(ident)) if ident else None
        place = frame and facts.Line(tree.original(frame.f_code.co_filename), frame.f_lineno)
        self.channel.send([Fact.of(facts.CutOff(seconds, place), self.watch.steps)])

    def _nobody_listens(self, error: OSError) -> None:
        if self.config.watched:
            return
        if error.errno == errno.EBADF:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [CHANNEL_CLOSED])
            os.kill(os.getpid(), CHANNEL_CLOSED)
        os._exit(1)

    # -- the end

    def _end(self, reason: str, status: int, error: str) -> None:
        if not self.ended.acquire(blocking=False):
            time.sleep(LAST_STEP_S)  # another thread is ending the process
            return
        self._finish(reason, status, error)

    def _finish(self, reason: str, status: int, error: str) -> None:
        self.heard.finish()
        for say in self.last_words:
            say()
        self.observation.end(reason, status, error)


def _leave(status: int = 0) -> NoReturn:
    """End at once: no checkpoint of a truncated run, no cleaning up of what is thrown away, half a second less."""
    try:
        flushing = threading.Thread(target=_flush, daemon=True)
        flushing.start()
        flushing.join(FLUSH_S)
    finally:
        os._exit(status & 0xFF)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(BaseException):  # whatever the script has put there; it may also wait without an end
            stream.flush()
