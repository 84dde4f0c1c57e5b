"""Control the tape in a running script: when steps are recorded, and whether a recording is faithful.

A recording is faithful if its replay gives the script's own loss and gradient.
"""

import threading
from collections.abc import Callable, Sequence
from types import FrameType

from torch import Tensor

from descend.doctor.instrumentation.modules import Modules
from descend.doctor.instrumentation.sharding import SHARDED
from descend.doctor.instrumentation.steps.attribution import Stepper
from descend.doctor.instrumentation.steps.backward_passes import BackwardPass
from descend.doctor.instrumentation.steps.budget import Budget
from descend.doctor.record import Site
from descend.doctor.tape import NotReplayable, Recording, Tape, below_script_modes
from descend.doctor.tape.nesting import leaves
from descend.doctor.tape.vocabulary import INTERESTING

REFUSALS = 12  # Recording ends after this many consecutive steps whose recording was refused.
CHANGED = 3  # After this many consecutive steps with a wrong replayed gradient, only losses are replayed.
SAME_LOSS = 1e-5  # Losses are equal up to this relative difference.
SAME_GRADIENT = 1e-3  # Gradients are equal up to this relative norm; float32 sums may have a different order.
PIECE = 2**22  # At most this many numbers are compared in float64 at a time.
THREADS = "the script trains in several threads, but steps are recorded in only one thread"


class _ContainsAll:
    """A container for which `name in container` is always true."""

    def __contains__(self, name: object) -> bool:
        return True


ANYTHING = _ContainsAll()
SendNote = Callable[[str, str, int], None]  # (probe, reason, step)


class TapeControl:
    """Starts and stops the recording of steps in one run. `send_note` reports why a step could not be recorded."""

    def __init__(self, budget: Budget, modules: Modules, send_note: SendNote) -> None:
        self.budget, self.modules, self._send_note = budget, modules, send_note
        self.averages: Callable[[], bool] = lambda: False  # returns whether gradients are averaged over ranks
        self.trains: Callable[[Tensor], bool] = lambda leaf: True  # returns whether a graph's leaf is a parameter
        self.blocked: str | None = None  # the reason why no more steps are recorded
        self.refused = 0  # consecutive refused steps
        self.thorough = True  # whether each call is recorded with its place in the source, as in the first recording
        self.restart()
        self._tape: Tape | None = None
        self._forward_began = 0.0  # time at which the last recorded step first used a parameter
        self._thread = 0  # thread that is recorded, because a function mode is active in one thread only
        self._sites: list[tuple[str, Site]] = []  # (function, place) of each call in the last recorded step
        self._abandoned: Tape | None = None  # a tape still active in a thread that the training has left

    def call_site(self, function: str) -> Site | None:
        """Return the place of a function's call in the last recorded step; None unless there was just one call."""
        seen = {site for name, site in self._sites if name == function}
        return seen.pop() if len(seen) == 1 else None

    def restart(self) -> None:
        """Forget the checks so far, because the steps so far were not part of a training."""
        self.differentiates = True  # whether a replay also gives the script's gradient
        self._changed = 0  # number of consecutive steps whose replay gives the loss but not the gradient

    @property
    def is_recording(self) -> bool:
        """Return whether a step is being recorded."""
        return self._tape is not None

    @property
    def is_idle(self) -> bool:
        """Return whether nothing is being recorded, in this thread or in another one."""
        return self._tape is None and self._abandoned is None

    def allowed(self) -> bool:
        """Return whether the next step may be recorded.

        In our own runs recording is always allowed. The choice of the fixed batches must not depend on the speed of the
        machine, or two trials would be compared on different batches.
        """
        return self.blocked is None and (not self.budget.is_watched_run or self.budget.affords("tape"))

    def start(self) -> None:
        """Record the script's torch calls from now until the next backward pass."""
        self._tape = Tape(ANYTHING if self.thorough else INTERESTING, self.modules.origin)
        self._tape.on_first_use, self._tape.trains = self._forward_begins, self.trains
        self._thread = threading.get_ident()
        with below_script_modes():
            self._tape.start()

    def _forward_begins(self, frame: FrameType) -> None:
        """Store the time, and report the model of the step that is being recorded."""
        self._forward_began = self.budget.clock()
        self.modules.find_model(frame)

    @property
    def pass_seconds(self) -> float:
        """Return the seconds since the last recorded step first used a parameter."""
        return self.budget.clock() - self._forward_began

    def set_unwrapping(self, on: bool) -> None:
        """Set whether the loss is being computed inside `torch.func.grad`, where each tensor is wrapped."""
        if self._tape is not None:
            self._tape.unwraps = on

    def pause(self) -> None:
        """Discard the calls recorded so far and pause, because they are not part of the loss."""
        if self._tape is not None and self._thread == threading.get_ident():
            self._tape.restart()
            self._tape.pause()

    def resume(self, batch: object = None, loader: str | None = None) -> None:
        """Continue to record after a loader has fetched a batch."""
        if self._tape is not None and self._thread == threading.get_ident():
            if loader is not None:
                self._tape.delivered.update({id(x): (x, loader) for x in leaves(batch) if isinstance(x, Tensor)})
            with below_script_modes():
                self._tape.resume()

    def stop(self) -> None:
        """Stop recording, and discard the calls recorded so far."""
        if self.is_idle:
            return
        here = self._thread == threading.get_ident()
        if self._abandoned is not None and here:
            self._abandoned.pause()
            self._abandoned = None
        tape, self._tape = self._tape, None
        if tape is not None and here:
            tape.pause()
        elif tape is not None:
            tape.refusal = THREADS  # The other thread removes the refused tape when it runs.
            self._abandoned = tape
            self.block(THREADS)

    def stop_before(self, stepper: Stepper | None) -> None:
        """Stop recording at a pass that is not measured; if its parameters are sharded, record no more steps."""
        if stepper is not None and stepper.is_sharded:
            self.block(SHARDED)
        self.stop()

    def block(self, reason: str) -> None:
        """Record no more steps in this run, and send the reason."""
        if self.blocked is None:
            self.blocked = reason
            self._send_note("tape", reason, 0)
        self.stop()

    def finalise(self, loss: Tensor, step: int) -> Recording | None:
        """Stop recording the step, and return the recording of its loss.

        Return None if the step was not recorded, or if its loss cannot be replayed.
        """
        if self._thread != threading.get_ident():
            self.stop()
        tape, self._tape = self._tape, None
        if tape is None:
            return None
        self._sites = tape.named_sites()
        with self.budget.charging("tape"):
            try:
                return tape.finalise(loss)
            except NotReplayable as refusal:
                self._count_refusal(str(refusal), step)
                return None
            finally:
                tape.pause()

    def is_faithful(self, recording: Recording, passed: BackwardPass) -> bool:
        """Return whether a replay gives the script's loss and, if `differentiates` is true, also its gradient."""
        with self.budget.charging("tape"):
            try:
                wrong = _loss_message(recording, passed)
                hidden = self._gradient_message(recording, passed) if self.differentiates and not wrong else ""
                self._changed = self._changed + 1 if hidden else 0
                if hidden and (recording.custom is not None or self._changed > CHANGED):
                    self.differentiates = False
                    self._send_note("tape", hidden, passed.step)
                else:
                    wrong = wrong or hidden
            except Exception as error:  # The script's own calls may raise any error in a replay.
                wrong = f"the step cannot be replayed: {first_line(error)}"
        if wrong:
            self._count_refusal(wrong, passed.step)
        else:
            self.refused, self.thorough = 0, False
        return not wrong

    def _gradient_message(self, recording: Recording, passed: BackwardPass) -> str:
        """Return a message why a replay does not give the script's gradient; "" if it does."""
        if recording.custom is not None:
            return f"the gradient of the custom autograd.Function {recording.custom} cannot be recorded"
        if self.averages():  # The script's gradient depends on other ranks, too.
            return ""
        gradient = recording.loss(passed.parameters, same_kernels=True).gradient(passed.parameters)
        hook = "the replayed gradient differs from the script's gradient, which a hook may have changed"
        return "" if is_gradient(gradient, passed.gradients) else hook

    def _count_refusal(self, reason: str, step: int) -> None:
        """Count a refused recording, and send the reason."""
        self._send_note("tape", reason, step)
        self.refused += 1


def _loss_message(recording: Recording, passed: BackwardPass) -> str:
    """Return a message about how the replayed loss differs from the script's loss; "" if it does not."""
    replayed = recording.loss(passed.parameters, same_kernels=True).value(passed.parameters)
    actual = float(passed.loss.detach())
    if actual != actual:
        return "" if replayed != replayed else "the replayed loss is finite, but the script's loss is not"
    if abs(replayed - actual) > SAME_LOSS * max(1.0, abs(actual)):
        return f"the replayed loss is {replayed:.6g}, but the script's loss is {actual:.6g}"
    return ""


def is_gradient(replayed: Sequence[Tensor], actual: Sequence[Tensor | None]) -> bool:
    """Return whether a replayed gradient equals the script's gradient up to rounding."""
    pairs = [(r, g) for r, g in zip(replayed, actual) if g is not None and not g.is_sparse]
    pieces = [both for r, g in pairs for both in zip(_split_into_pieces(r), _split_into_pieces(g))]
    size = sum(float(g.double().square().sum()) for _, g in pieces)
    apart = sum(float((r - g).double().square().sum()) for r, g in pieces)
    return not (apart > SAME_GRADIENT**2 * size and size == size)


def first_line(error: Exception) -> str:
    """Return an exception's class and the first line of its message."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"


def _split_into_pieces(gradient: Tensor) -> tuple[Tensor, ...]:
    """Split a gradient into pieces, because a float64 copy of a large gradient may not fit into memory."""
    return gradient.reshape(-1).split(PIECE)
