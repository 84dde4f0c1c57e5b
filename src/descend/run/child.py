"""The observed script's own process: `python -c "... main()" CONFIG`, under the script's interpreter.

Needs torch and the standard library only. The script finds itself as under plain python: `__main__`, `sys.argv`,
`sys.path[0]`, working directory, exit status and traceback are its own.
"""

import io
import json
import os
import sys
import time
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from descend.record.reading import Effect, Ending, Note
from descend.run.channel import Channel
from descend.run.traceback import show

BEGAN = time.perf_counter()
NO_TORCH = 97  # exit status: the interpreter has no torch, or too old a one
OLDEST_TORCH = (2, 11)
SHARES = {"watch": 0.03, "exam": 0.5, "arm": 0.25, "bare": 0.0}  # of the time passed, for measuring


@dataclass(frozen=True)
class Config:
    """What the parent asks for."""

    path: str  # the script in the user's tree
    copy: str  # the script that runs: the same file, or its copy in the scratch directory
    root: str
    copy_root: str
    module: str | None
    arguments: list[str]
    role: str  # watch, exam, arm, or bare: nothing is measured but the step count
    steps: int
    seconds: float
    seed: int
    seeded: bool  # whether the script's seeds are ours to set
    descriptor: int
    sandboxed: bool
    allow_effects: bool
    writable: list[str]
    started: float  # time.time() when the parent began


def main() -> NoReturn:
    """Run the script that the configuration names, under observation."""
    config = Config(**json.loads(sys.argv[1]))
    channel = Channel(config.descriptor)
    _require_torch()
    status = _Run(config, channel).run()
    channel.close()
    _flush()
    sys.exit(status)


def _require_torch() -> None:
    try:
        import torch
    except ImportError:
        os._exit(NO_TORCH)
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if version < OLDEST_TORCH:
        os._exit(NO_TORCH)


class _Run:
    def __init__(self, config: Config, channel: Channel) -> None:
        from descend.probes import PROBES
        from descend.run.budget import Budget
        from descend.run.examiner import Examiner
        from descend.run.frames import SourceTree
        from descend.run.modules import Modules
        from descend.run.observer import Observer

        self.config, self.channel, send = config, channel, channel.send
        self.began = BEGAN - (time.time() - config.started)
        self.closed = False
        self.modules = Modules(SourceTree(config.root, config.copy_root), send)
        wanted = {"arm": ("monitored_loss",), "bare": ()}.get(config.role, tuple(p.name for p in PROBES))
        probes = [p for p in PROBES if p.name in wanted]
        self.budget = Budget(SHARES[config.role], self.began)
        self.examiner = Examiner(probes, self.budget, self.modules, send)
        if config.role == "bare":
            self.examiner.block("")
        self.observer = Observer(self.examiner, self.modules, send, config.role in ("watch", "exam"))
        self.observer.after_step = self._after_step

    def run(self) -> int:
        from contextlib import ExitStack

        from descend.run.hooks import observing
        from descend.run.seeds import offset_seeds

        with ExitStack() as stack:
            if self.config.sandboxed:
                self._close_sandbox(stack)
            if self.config.seeded:
                stack.enter_context(offset_seeds(self.config.seed))
            stack.enter_context(observing(self.observer))
            status, error = _execute(self.config)
            if not self.closed:
                self._finish("failed" if error or status else "finished", status, error)
        return status

    def _close_sandbox(self, stack: Any) -> None:
        import torch

        from descend.run.effects import watch_effects, wrap_native_writers
        from descend.run.landlock import restrict_writes

        allowed = [Path(p) for p in self.config.writable]
        linked = (Path(self.config.copy_root), Path(self.config.root))
        watch = watch_effects(allowed, linked, self._effect, self.config.allow_effects)
        stack.callback(watch.stop)
        wrap_native_writers(torch, watch)
        if not self.config.allow_effects and not restrict_writes(allowed):
            self.channel.send([Note("effects", "this kernel has no Landlock: native writers are not held back")])

    def _effect(self, effect: Effect) -> None:
        self.channel.send([effect])

    def _after_step(self, steps: int) -> None:
        if self.observer.began is None or self.config.role == "watch" or self.closed:
            return
        trained = time.perf_counter() - self.observer.began - self.budget.spent
        if steps >= self.config.steps or trained >= self.config.seconds:
            self._finish("window", 0, "")
            self.channel.close()
            _flush()
            os._exit(0)  # nothing of the script's runs on: no checkpoint of a truncated run, no cleaning up

    def _finish(self, reason: str, status: int, error: str) -> None:
        self.closed = True
        self.observer.flush()
        if reason != "failed" and self.config.role != "bare":
            self.examiner.finish(self.observer.steps)
            self.examiner.report_unaffordable()
        now, began = time.perf_counter(), self.observer.began
        ending = Ending(
            reason,
            status,
            self.observer.steps,
            now - self.began,
            0.0 if began is None else now - began,
            self.budget.spent,
            self.observer.weights(),
            error,
        )
        self.channel.send([ending])


def _execute(config: Config) -> tuple[int, str]:
    """Run the script as `__main__`; return its exit status and its traceback, empty when it did not raise."""
    sys.argv = [config.copy, *config.arguments]
    if config.module is None:
        sys.argv[0] = os.path.relpath(config.copy)
    sys.path[0] = config.copy_root if config.module else os.path.dirname(config.copy)
    try:
        code, module = _prepare(config)
        sys.modules["__main__"] = module
        exec(code, module.__dict__)
    except SystemExit as leaving:
        return _status(leaving), ""
    except KeyboardInterrupt as error:
        return 130, show(error, config.copy_root, config.root)
    except BaseException as error:
        return 1, show(error, config.copy_root, config.root)
    return 0, ""


def _prepare(config: Config) -> tuple[types.CodeType, types.ModuleType]:
    module = types.ModuleType("__main__")
    module.__file__ = config.copy
    module.__dict__["__builtins__"] = __builtins__
    if config.module is not None:
        import importlib.util

        name = config.module if os.path.basename(config.copy) != "__main__.py" else f"{config.module}.__main__"
        module.__spec__ = importlib.util.find_spec(name)
        module.__package__ = name.rpartition(".")[0]
    with io.open_code(config.copy) as file:
        return compile(file.read(), config.path, "exec", dont_inherit=True), module


def _status(leaving: SystemExit) -> int:
    if leaving.code is None or isinstance(leaving.code, int):
        return int(leaving.code or 0)
    print(leaving.code, file=sys.stderr)
    return 1


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue


