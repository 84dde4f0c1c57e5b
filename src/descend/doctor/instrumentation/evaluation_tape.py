"""Record the torch calls of evaluations, which scripts run with gradients switched off.

At each place in the source, the first evaluation is recorded until its context or its first batch ends.
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

from descend.doctor.instrumentation.attribute_patching import patched_attribute
from descend.doctor.instrumentation.evaluation_data import evaluation_data
from descend.doctor.instrumentation.fingerprints import random_state_fingerprint
from descend.doctor.instrumentation.frames import CallSpan, call_span, outermost_module
from descend.doctor.instrumentation.internal_errors import ObserverPart, never_raises
from descend.doctor.instrumentation.observer import Observer
from descend.doctor.instrumentation.tape_control import ANYTHING
from descend.doctor.measure.evaluation_inputs import TrainingReference, evaluation_inputs
from descend.doctor.measure.snapshot import Unavailable
from descend.doctor.record import Fact, SiteKind
from descend.doctor.script.run_names import Role
from descend.doctor.tape import NotReplayable, Origin, Recording, Tape, below_script_modes

MOST = 8  # maximum number of places in the source at which evaluations are recorded
ROOM = 2**28  # maximum number of bytes of intermediate tensors that a recording may keep alive
REPLAYS = 3  # number of replays that the measurements of one recording need
PROBE = "evaluated"


class EvaluationTape(ObserverPart):
    """Records the torch calls of evaluations in the run of `observer`, one evaluation at a time.

    probing: whether evaluations are also measured, in addition to their fingerprints. is_compared: whether the first
    evaluation at each place has its fingerprints taken whatever the time budget, because the run is compared by them.
    """

    def __init__(self, observer: Observer, *, probing: bool = True, is_compared: bool = False) -> None:
        self.probing, self.is_compared = probing, is_compared
        super().__init__(observer)
        self.modules, self.probe_runner = observer.modules, observer.probe_runner
        self._tape: Tape | None = None
        self._context: Any = None  # the no_grad context in which the recorded evaluation runs
        self._called: CallSpan | None = None  # place in the source where the evaluation first calls the network
        self._seen: dict[CallSpan, int] = {}  # place of an evaluation in the source -> its number
        self._known: set[CallSpan] = set()  # places whose fingerprints have been sent
        self._random = ""  # fingerprint of the random generators' states when the evaluation began
        # place of an evaluation that did not fit into the time budget so far -> its duration in seconds
        self._waiting: dict[CallSpan, float] = {}
        self._span: CallSpan | None = None  # place in the source of the evaluation that is being recorded
        self._measured = 0
        self._trained = TrainingReference(())
        self._began = 0.0

    @property
    def is_recording(self) -> bool:
        """Return whether an evaluation is being recorded."""
        return self._tape is not None

    def is_recording_in(self, context: Any) -> bool:
        """Return whether the evaluation inside this `no_grad` context is being recorded."""
        return self.is_recording and context is self._context

    def on_internal_error(self, error: Exception) -> None:
        """Report an internal error and stop recording."""
        super().on_internal_error(error)
        self._stop()

    @never_raises
    def evaluation_begins(self, context: Any, frame: FrameType | None) -> None:
        """Start to record an evaluation, because the script is about to disable gradients."""
        is_done = len(self._seen) == MOST and not self._waiting
        if self._tape is not None or not self.probe_runner.monitor or self.probe_runner.tape.blocked or is_done:
            return
        span = None if _is_internal(frame) else call_span(self.modules.tree.caller(frame))
        if span is None or not self._is_due(span):
            return
        self._seen.setdefault(span, len(self._seen))
        self._span, self._random = span, random_state_fingerprint()
        self.probe_runner.tape.pause()
        self._tape, self._context, self._called = Tape(ANYTHING, self._find_origin), context, None
        self._tape.trains, self._tape.room = self.observer.early_checks.is_parameter, ROOM
        self._began = self.probe_runner.budget.clock()
        with below_script_modes():
            self._tape.start()

    def _is_due(self, span: CallSpan) -> bool:
        """Return whether the evaluation at this place is the first, or the first that fits into the time budget."""
        if span in self._seen:
            return REPLAYS * self._waiting.get(span, inf) <= self.probe_runner.budget.left()
        return len(self._seen) < MOST

    @never_raises
    def evaluation_ends(self, context: Any) -> None:
        """Stop recording the evaluation, because its `no_grad` context ends."""
        if self.is_recording_in(context):
            self._finish()

    @never_raises
    def batch_begins(self) -> None:
        """Pause the recording while a loader fetches a batch, which is not part of the evaluation."""
        if self._tape is not None:
            self._tape.pause()

    @never_raises
    def batch_ended(self) -> None:
        """Resume recording after a loader has fetched a batch; stop if the first batch has already been evaluated."""
        if self._tape is not None and self._called is not None:
            self._finish()
        elif self._tape is not None:
            with below_script_modes():
                self._tape.resume()

    def _find_origin(self, frame: FrameType) -> Origin:
        """Return where a torch call comes from, and store where the network is called first."""
        if self._called is None:
            self._called = call_span(self.modules.tree.caller(outermost_module(frame)[1]))
        return self.modules.origin(frame)

    def _stop(self) -> Tape | None:
        """Stop recording and return the tape; None if nothing was being recorded."""
        tape, self._tape, self._context = self._tape, None, None
        if tape is not None:
            tape.pause()
            self.probe_runner.tape.resume()
        return tape

    def _finish(self) -> None:
        """End the recording, and measure the evaluation if this fits into the time budget."""
        tape, budget = self._stop(), self.probe_runner.budget
        if tape is None or self._called is None:
            return
        assert self._span is not None
        took = budget.clock() - self._began
        fits = REPLAYS * took <= budget.left()
        self._waiting.pop(self._span, None)
        if not fits and (self.probing or not self.is_compared):
            self._waiting[self._span] = took
            if tape.uses_any(self._reference().parameters):
                self.modules.report_site(SiteKind.EVALUATION, f"unmeasured {self._seen[self._span]}", self._called)
        if not fits and (not self.is_compared or self._span in self._known):
            return
        with budget.charging(PROBE):
            try:
                self._measure(tape.finalise_last(), probing=self.probing and fits)
            except (NotReplayable, Unavailable) as reason:
                self.probe_runner.note(PROBE, str(reason), self.observer.steps)

    @never_raises
    def finish(self) -> None:
        """Add a note if some evaluations did not fit into the time budget."""
        if self._waiting:
            self.probe_runner.note(
                PROBE, "the evaluation takes too long to be replayed within the time budget", self.observer.steps
            )

    def _measure(self, recording: Recording | None, *, probing: bool) -> None:
        """Send the fingerprints of the first evaluation at a place and, if `probing`, the measured values."""
        trained = self._reference()
        if recording is None or not trained.is_network_of(recording := _with_gradients_enabled(recording)):
            return
        assert self._span is not None
        if self._span not in self._known:
            of_task = evaluation_data(recording, self._random)
            self.observer.send([Fact.of(of_task, self.observer.steps, str(self._seen[self._span]))])
            self._known.add(self._span)
        if not probing:
            return
        key = str(self._measured)
        self._measured += 1
        self.modules.report_site(SiteKind.EVALUATION, key, self._called)
        self.observer.send(
            list(evaluation_inputs(recording, trained, key, self.observer.steps, self.modules.report_known_site))
        )

    def _reference(self) -> TrainingReference:
        """Return the fixed training examples, which evaluations are compared with."""
        if self._trained.recordings is not self.probe_runner.monitor:
            self._trained = TrainingReference(self.probe_runner.monitor)
        return self._trained


def _with_gradients_enabled(recording: Recording) -> Recording:
    """Return the recording as if gradients had been enabled, so that calls with parameters are recognised."""
    return replace(recording, ops=tuple(replace(op, state=replace(op.state, grad=True)) for op in recording.ops))


def _is_internal(frame: FrameType | None) -> bool:
    """Return whether torch or `descend` itself disables gradients, as an optimizer's step does."""
    name = "" if frame is None else frame.f_globals.get("__name__", "")
    if name == "torch.utils._contextlib" and frame is not None:  # torch.no_grad is a decorator here.
        function = frame.f_locals.get("func")
        name = getattr(function, "__module__", "") or ""
    return name.partition(".")[0] in ("torch", "descend")


@contextmanager
def taping_evaluations(observer: Observer, role: str, *, is_compared: bool) -> Iterator[EvaluationTape]:
    """Record the script's evaluations inside the `with` block; see `EvaluationTape`. They are measured in baselines."""
    tape = EvaluationTape(observer, probing=role == Role.BASELINE, is_compared=is_compared)
    with ExitStack() as stack:
        for name, make in (("__enter__", _wrap_enter), ("__exit__", _wrap_exit)):
            stack.enter_context(patched_attribute(torch.no_grad, name, make(torch.no_grad.__dict__[name], tape)))
        infers = torch.inference_mode.__dict__["__enter__"]
        stack.enter_context(patched_attribute(torch.inference_mode, "__enter__", _wrap_enter_inference(infers, tape)))
        loader = dataloader._BaseDataLoaderIter
        stack.enter_context(patched_attribute(loader, "__next__", _wrap_next(loader.__dict__["__next__"], tape)))
        yield tape


def _wrap_enter(original: Any, tape: EvaluationTape) -> Any:
    """Return a wrapper of `no_grad.__enter__` that starts to record an evaluation."""

    def __enter__(self: Any) -> Any:
        if torch.is_grad_enabled() and not is_compiling():
            tape.evaluation_begins(self, sys._getframe(1))
        return original(self)

    return __enter__


def _wrap_enter_inference(original: Any, tape: EvaluationTape) -> Any:
    """Return a wrapper of `inference_mode.__enter__` that enters `no_grad` instead if the evaluation is recorded."""

    def __enter__(self: Any) -> Any:
        if self.mode and torch.is_grad_enabled() and not is_compiling():
            # Tensors of inference mode cannot be recorded, and no_grad gives the same numbers.
            context = torch.no_grad()
            tape.evaluation_begins(context, sys._getframe(1))
            if tape.is_recording_in(context):
                self._inference_mode_context = context
                return context.__enter__()
        return original(self)

    return __enter__


def _wrap_exit(original: Any, tape: EvaluationTape) -> Any:
    """Return a wrapper of `no_grad.__exit__` that ends the recording of an evaluation."""

    def __exit__(self: Any, *raised: Any) -> Any:
        if tape.is_recording and not is_compiling():
            tape.evaluation_ends(self)
        return original(self, *raised)

    return __exit__


def _wrap_next(original: Any, tape: EvaluationTape) -> Any:
    """Return a wrapper of a loader iterator's `__next__` that pauses the recording of an evaluation."""

    def __next__(self: Any) -> Any:
        if not tape.is_recording:
            return original(self)
        tape.batch_begins()
        try:
            return original(self)
        finally:
            tape.batch_ended()

    return __next__
