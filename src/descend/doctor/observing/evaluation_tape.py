"""Records the calls of evaluations: what is computed where a script switches gradients off.

The first pass of each place that does so is taped, to the end of the context or of the first batch of a loader.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from math import inf
from types import FrameType
from typing import Any

import torch
from torch.compiler import is_compiling
from torch.utils.data import dataloader

from descend.doctor.observing.evaluation_data import evaluation_data
from descend.doctor.observing.fingerprint import random_streams
from descend.doctor.observing.frames import CallSpan, call_span, outermost_module
from descend.doctor.observing.guard import harmless
from descend.doctor.observing.observer import Observer
from descend.doctor.observing.replacing import replaced
from descend.doctor.observing.taping import ANYTHING
from descend.doctor.probes.evaluated import Trained, evaluated
from descend.doctor.probes.snapshot import Unavailable
from descend.doctor.record import Fact
from descend.doctor.tape import Origin, Recording, Refused, Tape, beneath

MOST = 8  # places
ROOM = 2**28  # bytes of all that an evaluation makes: more is not kept alive for our sake
REPLAYS = 3  # of a recording, to measure it
PROBE = "evaluated"


class EvaluationTape:
    """Owns the tape of the evaluation that is under way in the run that `watch` observes.

    probing: whether evaluations are measured, too, and not only fingerprinted.
    """

    def __init__(self, watch: Observer, *, probing: bool = True) -> None:
        self.probing = probing
        self.watch, self.modules, self.examiner = watch, watch.modules, watch.examiner
        self._tape: Tape | None = None
        self._context: Any = None  # that has opened it
        self._called: CallSpan | None = None  # where the network is
        self._seen: dict[CallSpan, int] = {}  # each place with its number, in the order in which they were met
        self._random = ""  # where the random streams were when the evaluation began
        self._waiting: dict[CallSpan, float] = {}  # those that were too dear so far, and the seconds that one takes
        self._span: CallSpan | None = None  # of the context
        self._measured = 0
        self._trained = Trained(())
        self._began = 0.0

    @property
    def inert(self) -> bool:
        """Whether nothing is to be recorded: in a forked process, and while something is measured."""
        return self.watch.inert or self.examiner.budget.is_spending

    @property
    def runs(self) -> bool:
        """Whether an evaluation is being taped."""
        return self._tape is not None

    def is_of(self, context: Any) -> bool:
        """Whether what is being taped is the evaluation within a context."""
        return self.runs and context is self._context

    def stumbled(self, error: Exception) -> None:
        """Take note of a mistake of ours: it costs the measurement."""
        self.watch.stumbled(error)
        self._stop()

    @harmless
    def begins(self, context: Any, frame: FrameType | None) -> None:
        """Gradients are about to be switched off by the script."""
        is_done = len(self._seen) == MOST and not self._waiting
        if self._tape is not None or not self.examiner.monitor or self.examiner.tape.blocked or is_done:
            return
        span = None if _is_within(frame) else call_span(self.modules.tree.caller(frame))
        if span is None or not self._is_due(span):
            return
        self._seen.setdefault(span, len(self._seen))
        self._span, self._random = span, random_streams()
        self.examiner.tape.pause()
        self._tape, self._context, self._called = Tape(ANYTHING, self._origin), context, None
        self._tape.trains, self._tape.room = self.watch.faults.is_parameter, ROOM
        self._began = self.examiner.budget.clock()
        with beneath():
            self._tape.start()

    def _is_due(self, span: CallSpan) -> bool:
        """Whether an evaluation there is the first one, or the first that can be paid for."""
        if span in self._seen:
            return REPLAYS * self._waiting.get(span, inf) <= self.examiner.budget.left()
        return len(self._seen) < MOST

    @harmless
    def ends(self, context: Any) -> None:
        """Gradients are as before."""
        if self.is_of(context):
            self._finish()

    @harmless
    def batch_begins(self) -> None:
        """A loader is about to be asked for a batch: its own work is no part of the evaluation."""
        if self._tape is not None:
            self._tape.pause()

    @harmless
    def batch_ended(self) -> None:
        """The batch is there: the first one is enough."""
        if self._tape is not None and self._called is not None:
            self._finish()
        elif self._tape is not None:
            with beneath():
                self._tape.resume()

    def _origin(self, frame: FrameType) -> Origin:
        if self._called is None:
            self._called = call_span(self.modules.tree.caller(outermost_module(frame)[1]))
        return self.modules.origin(frame)

    def _stop(self) -> Tape | None:
        tape, self._tape, self._context = self._tape, None, None
        if tape is not None:
            tape.pause()
            self.examiner.tape.resume()
        return tape

    def _finish(self) -> None:
        tape, budget = self._stop(), self.examiner.budget
        if tape is None or self._called is None:
            return
        assert self._span is not None
        took = budget.clock() - self._began
        if REPLAYS * took > budget.left():
            self._waiting[self._span] = took
            return
        self._waiting.pop(self._span, None)
        with budget.charging(PROBE):
            try:
                self._measure(tape.seal_last())
            except (Refused, Unavailable) as reason:
                self.examiner.note(PROBE, str(reason), self.watch.steps)

    @harmless
    def finish(self) -> None:
        """Say what could not be paid for to the end."""
        if self._waiting:
            self.examiner.note(PROBE, "an evaluation takes too long to be made again", self.watch.steps)

    def _measure(self, recording: Recording | None) -> None:
        if self._trained.recordings is not self.examiner.monitor:
            self._trained = Trained(self.examiner.monitor)
        if recording is None or not self._trained.is_network_of(recording := _as_trained(recording)):
            return
        assert self._span is not None
        of_task = evaluation_data(recording, self._random)
        self.watch.send([Fact.of(of_task, self.watch.steps, str(self._seen[self._span]))])
        if not self.probing:
            return
        key = str(self._measured)
        self._measured += 1
        self.modules.note_site("evaluation", key, self._called)
        self.watch.send(list(evaluated(recording, self._trained, key, self.watch.steps, self.modules.note_known)))


def _as_trained(recording: Recording) -> Recording:
    """Return a recording whose calls read as if gradients had been on: what meets a parameter is then found."""
    return replace(recording, ops=tuple(replace(op, state=replace(op.state, grad=True)) for op in recording.ops))


def _is_within(frame: FrameType | None) -> bool:
    """Whether torch itself switches gradients off, in an optimizer's step, an initialisation; or we do."""
    name = "" if frame is None else frame.f_globals.get("__name__", "")
    if name == "torch.utils._contextlib" and frame is not None:  # a decorator
        function = frame.f_locals.get("func")
        name = getattr(function, "__module__", "") or ""
    return name.partition(".")[0] in ("torch", "descend")


@contextmanager
def taping_evaluations(watch: Observer, *, probing: bool) -> Iterator[EvaluationTape]:
    """Record evaluations for as long as the context lasts; see `EvaluationTape`."""
    tape = EvaluationTape(watch, probing=probing)
    with ExitStack() as stack:
        for name, make in (("__enter__", _enter), ("__exit__", _exit)):
            stack.enter_context(replaced(torch.no_grad, name, make(torch.no_grad.__dict__[name], tape)))
        infers = torch.inference_mode.__dict__["__enter__"]
        stack.enter_context(replaced(torch.inference_mode, "__enter__", _enter_inference(infers, tape)))
        loader = dataloader._BaseDataLoaderIter
        stack.enter_context(replaced(loader, "__next__", _next(loader.__dict__["__next__"], tape)))
        yield tape


def _enter(original: Any, tape: EvaluationTape) -> Any:
    def __enter__(self: Any) -> Any:
        if torch.is_grad_enabled() and not is_compiling():
            tape.begins(self, sys._getframe(1))
        return original(self)

    return __enter__


def _enter_inference(original: Any, tape: EvaluationTape) -> Any:
    def __enter__(self: Any) -> Any:
        if self.mode and torch.is_grad_enabled() and not is_compiling():
            context = torch.no_grad()  # the same numbers; what inference mode makes cannot be recorded
            tape.begins(context, sys._getframe(1))
            if tape.is_of(context):
                self._inference_mode_context = context
                return context.__enter__()
        return original(self)

    return __enter__


def _exit(original: Any, tape: EvaluationTape) -> Any:
    def __exit__(self: Any, *raised: Any) -> Any:
        if tape.runs and not is_compiling():
            tape.ends(self)
        return original(self, *raised)

    return __exit__


def _next(original: Any, tape: EvaluationTape) -> Any:
    def __next__(self: Any) -> Any:
        if not tape.runs:
            return original(self)
        tape.batch_begins()
        try:
            return original(self)
        finally:
            tape.batch_ended()

    return __next__
