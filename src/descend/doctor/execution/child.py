"""The observed script's process: `python -c "... main()" CONFIG`, run by the script's interpreter.

Needs torch and the standard library only. The script runs as under plain python: `__main__`, `sys.argv`,
`sys.path[0]`, working directory, exit status and traceback are the same.
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
from pathlib import Path
from typing import Any, NoReturn

from descend.core.interruption import INTERRUPTED
from descend.doctor.execution.busy_machine import ProcessorShare
from descend.doctor.execution.execute import Program, execute
from descend.doctor.execution.immediate_exit import exit_at_once
from descend.doctor.execution.other_threads import LAST_STEP_S, call_when_training_ends, longest_training_seconds
from descend.doctor.execution.peers import fork_peers
from descend.doctor.execution.torch_version import require_torch
from descend.doctor.record import Fact, Note, facts
from descend.doctor.sandbox.promises import RunLevel
from descend.doctor.script.run_names import EndReason, Role

# The signal that ends a run if the script has closed the pipe to descend. Scripts do not use this signal.
CHECKED_EVERY_S = 0.5  # seconds between two checks of the time limits
CHANNEL_CLOSED = signal.SIGRTMAX - 2


@dataclass(frozen=True)
class Config:
    """The settings of an observed run, which the parent process sends."""

    path: str  # the script that runs: the user's own file, or its copy
    root: str  # the script's working directory, or the scratch copy of it
    original_root: str
    files: str  # folder in the scratch copy that represents the root of the file system; "" without a scratch copy
    module: str | None
    arguments: list[str]
    role: str  # the run's purpose: watch, baseline, trial_run, gradcheck, show, or bare (only counts steps)
    asked: dict[str, Any]  # for the role show: what is measured at which steps; for bare: whether steps are timed
    steps: int
    seconds: float
    until: float  # time of `time.monotonic` at which the run is ended; infinite without a deadline
    quick: bool  # whether no trials follow, so that the measurements have to take less time
    least_steps: int
    quick_s: float
    timed: bool  # whether the run and its measurements have time limits
    patience: float  # a script that does not begin to train within this many seconds is ended, except in the role watch
    seed: int
    stage: int | None  # number of the optimizer whose training stage is observed; None: the whole run is observed
    spread: bool  # whether a trial observes batches from the whole run, not only the first batches
    examples: int  # largest number of the run's first examples that are kept for measurements; 0: as many as needed
    peers: int  # number of other processes in the script's distributed group, which are not observed
    rank: int  # rank of this process in its group; rank 0 is observed
    trains: bool  # whether the optimizers' steps change the parameters; otherwise each step is undone
    is_compared: bool  # whether the run is compared as a whole, see `Plan`
    measures_once: bool  # whether each measurement is made once, at the first steps
    descriptor: int  # file descriptor that messages are written to
    telling: int  # file descriptor that messages of forked workers are written to
    allow_effects: bool
    level: RunLevel
    parent: int  # id of a process; the run is ended when that process ends
    writable: list[str]
    started: float  # start of the run by the parent's time.monotonic(), a clock that all processes share

    @property
    def watched(self) -> bool:
        """Return whether this is the user's own run, and not a run of descend in a scratch copy."""
        return self.role == Role.WATCH


def main(package_folder: str) -> NoReturn:
    """Run the configured script under observation. `package_folder` is the folder that contains this package."""
    config = Config(**json.loads(sys.argv[1]))
    require_torch()
    arrange_path(package_folder)
    run_script(config)


def run_script(config: Config) -> NoReturn:
    """Run the script as `config` describes, then end this process with the script's exit status."""
    if config.peers:
        config = fork_peers(config)
    began = time.perf_counter() - (time.monotonic() - config.started)  # a wall clock may be changed during the run
    status = Run(config, began).run()
    if not config.watched:
        exit_at_once(status)
    sys.exit(status)


def arrange_path(package_folder: str) -> None:
    """Move this package to the end of the import path, so that the script's own packages come first."""
    sys.path.remove(package_folder)
    sys.path.append(package_folder)


class Run:
    """One observed run of the script, up to its end or to the end of the observation window."""

    def __init__(self, config: Config, began: float) -> None:
        from descend.doctor.instrumentation.printed_metrics import PrintedMetrics
        from descend.doctor.instrumentation.run_observation import RunObservation

        self.config, self.began = config, began
        pipes = (config.descriptor, config.telling)
        self.observation = observation = RunObservation(
            config.role, pipes, began, files=config.files, timed=config.timed, lost=self._on_channel_closed
        )
        observation.limit_measurements(quick=config.quick, until=time.perf_counter() + config.until - time.monotonic())
        observation.is_compared, observation.measures_once = config.is_compared, config.measures_once
        observation.configure(
            stage=config.stage or 0, spread=config.spread, examples=config.examples, asked=config.asked
        )
        self.watch, self.budget, self.channel = observation.observer, observation.budget, observation.channel
        self.printed_metrics = PrintedMetrics(self.channel.send, lambda: self.watch.steps)
        self.cpu_share: ProcessorShare | None = None  # measures the time since the first optimizer step
        self.least_s = min(config.quick_s, config.seconds)
        self.ended = threading.Lock()
        self.final_measurements: list[Callable[[], None]] = []  # measurements that are made at the end of the run

    def run(self) -> int:
        """Run the script; return its exit status. If the observation window ends first, the process ends."""
        from descend.doctor.execution.reads import report_reads
        from descend.doctor.execution.seeds import offset_seeds
        from descend.doctor.execution.stage import observe_from_stage
        from descend.doctor.execution.uncompiled import disable_compilation
        from descend.doctor.execution.untrained import undo_optimizer_steps
        from descend.doctor.instrumentation.printed_metrics import reading_prints
        from descend.doctor.instrumentation.step_counter import StepCounter, counting_steps

        config = self.config
        program = Program(config.path, config.root, config.module, config.arguments, config.files)
        with ExitStack() as stack:
            if not config.watched:
                self._enter_sandbox()
                stack.enter_context(offset_seeds(config.seed))
                stack.enter_context(disable_compilation(self.channel.send))
                self.watch.after_step = self._after_step
                if config.role == Role.BASELINE:
                    stack.enter_context(report_reads(self.observation.tree.original, self.channel.send_from_worker))
                # This message is sent at once, so that the parent takes any later exit status as that of the script.
                self.channel.send_immediately([Fact.of(facts.ScriptStarted(time.perf_counter() - self.began), 0)])
                threading.Thread(target=self._enforce_time_limits, name="descend-time", daemon=True).start()
                if config.role in (Role.BASELINE, Role.TRIAL_RUN):
                    stack.enter_context(reading_prints(self.printed_metrics))
                if not config.trains:
                    stack.enter_context(undo_optimizer_steps())
            if config.stage is not None:
                stepper = self.watch if isinstance(self.watch, StepCounter) else self.watch.steppers
                stepper.stage_over = self._end_after_stage
            if isinstance(self.watch, StepCounter):
                stack.enter_context(counting_steps(self.watch))
            elif config.stage:
                stack.enter_context(observe_from_stage(config.stage, self.watch, self._observe))
            else:
                self._observe(stack)
            status, error = execute(program) if config.watched else execute(program, self._end_after_threads)
            if config.rank and (error or status):
                sys.stderr.write(f"process {config.rank} of the group:\n{error}")
            self._end_once(self._end_reason(status, error), status, error)
        return status

    def _end_reason(self, status: int, error: str) -> EndReason:
        """Return how the script ended. A watched script that the user stops with Ctrl-C has not failed."""
        if self.config.watched and status == INTERRUPTED:
            return EndReason.INTERRUPTED
        return EndReason.FAILED if error or status else EndReason.FINISHED

    def _observe(self, stack: ExitStack) -> None:
        """Start all observations that the run's role needs."""
        from descend.doctor.execution.observations import start_observations
        from descend.doctor.instrumentation.observer import Observer

        assert isinstance(self.watch, Observer)
        role, is_compared = self.config.role, self.config.is_compared
        self.final_measurements += start_observations(stack, self.watch, role, is_compared=is_compared)

    def _enter_sandbox(self) -> None:
        """Import the script's modules from the scratch copy and refuse effects outside of it.

        The checks stay on while the process ends, because the script's threads and streams may still write.
        """
        import torch

        from descend.doctor.sandbox.effects import watch_effects, wrap_native_writers
        from descend.doctor.sandbox.imports import import_from_copy

        config = self.config
        import_from_copy(Path(config.root), Path(config.original_root))
        allowed = [Path(p) for p in config.writable]
        linked = (Path(config.root), Path(config.original_root))
        watch = watch_effects(
            allowed,
            linked,
            self.channel.send_from_worker,
            config.allow_effects,
            in_namespaces=config.level == "namespaces",
            files=Path(config.files),
        )
        wrap_native_writers(torch, watch)

    def _after_step(self, steps: int) -> None:
        """End the run if the observation window ends with this step."""
        config, trained = self.config, self._training_seconds() if self.config.timed else 0.0
        is_enough = steps >= config.least_steps and trained >= config.quick_s or time.monotonic() >= config.until
        if is_enough or steps >= config.steps or trained >= config.seconds:
            self._end_once("window", 0, "")
            exit_at_once()

    def _end_after_stage(self) -> None:
        """Report the end of the observed training stage as the end of the run, and exit."""
        self._end_once("finished", 0, "")
        exit_at_once()

    def _training_seconds(self) -> float:
        """Return the seconds of training so far, without measurements and without waiting for a processor."""
        began = self.watch.began
        if began is None:
            return 0.0
        self.cpu_share = self.cpu_share or ProcessorShare()  # created only now, so imports do not count
        trained = time.perf_counter() - began - self.budget.used
        return trained if trained < self.least_s else trained * self.cpu_share.share()

    def _enforce_time_limits(self) -> None:
        """End the run if the script does not begin to train in time, or if one step exceeds the time limit."""
        limit, began = longest_training_seconds(self.config.seconds), time.perf_counter()
        while self.watch.began is not None or time.perf_counter() - began < self.config.patience:
            time.sleep(CHECKED_EVERY_S)
            if self._training_seconds() > limit or time.monotonic() >= self.config.until:
                break
        if self.ended.acquire(blocking=False):
            self._send_position(time.perf_counter() - began)
            self.observation.send_ending("window", 0, "")
            exit_at_once()

    def _end_after_threads(self, status: int, error: str) -> None:
        """Start a thread that ends the run when the script's other threads stop training; the main thread has ended."""
        with suppress(RuntimeError):  # without a new thread, the run ends after all of the script's threads
            call_when_training_ends(self.watch, lambda note: self._end_despite_threads(status, error, note))

    def _end_despite_threads(self, status: int, error: str, note: Note) -> None:
        """End the run although threads of the script still run, and send a note that names these threads."""
        if self.ended.acquire(blocking=False):
            self.channel.send([note])
            self._send_ending(self._end_reason(status, error), status, error)
            exit_at_once(status)

    def _send_position(self, seconds: float) -> None:
        """Send a message with the seconds that the script has run and the line of the user's code that is running."""
        ident, tree = threading.main_thread().ident, self.observation.tree
        frame = tree.in_script(sys._current_frames().get(ident)) if ident else None
        place = frame and facts.Line(tree.original(frame.f_code.co_filename), frame.f_lineno)
        self.channel.send([Fact.of(facts.TimedOut(seconds, place), self.watch.steps)])

    def _on_channel_closed(self, error: OSError) -> None:
        """End the run when messages can no longer be sent; use a special signal if the script has closed the pipe."""
        if self.config.watched:
            return
        if error.errno == errno.EBADF:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [CHANNEL_CLOSED])
            os.kill(os.getpid(), CHANNEL_CLOSED)
        os._exit(1)

    def _end_once(self, reason: str, status: int, error: str) -> None:
        """Send the final measurements and how the run ended, unless another thread already does so."""
        if self.ended.acquire(blocking=False):
            self._send_ending(reason, status, error)
        else:
            time.sleep(LAST_STEP_S)  # waits, because another thread is ending the process

    def _send_ending(self, reason: str, status: int, error: str) -> None:
        """Make and send the final measurements, then send the reason and the status with which the run ended."""
        self.channel.send_immediately([Fact.of(facts.ScriptEnded(), self.watch.steps)])
        self.printed_metrics.finish()
        for say in self.final_measurements:
            say()
        self.observation.end(reason, status, error)
