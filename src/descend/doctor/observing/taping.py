"""The tape in a running script: when it runs, when it must not, and whether what it recorded is the truth."""

import threading
from collections.abc import Callable, Sequence

from torch import Tensor

from descend.doctor.observing.modules import Modules
from descend.doctor.reading.budget import Budget
from descend.doctor.reading.passes import Pass
from descend.doctor.record import Site
from descend.doctor.tape import Recording, Refused, Tape, beneath
from descend.doctor.tape.nesting import leaves
from descend.doctor.tape.vocabulary import INTERESTING

REFUSALS = 12  # after this many refused steps in a row the tape is given up
CHANGED = 3  # after this many in a row whose gradient alone was another, it will stay another: the values will do
SAME_LOSS = 1e-5  # relative; replays are bit-equal except for attention's backend
SAME_GRADIENT = 1e-3  # relative, in norm: float32 sums in another order
PIECE = 2**22  # numbers that are compared at once
THREADS = "the script trains in several threads, and steps are recorded in one"


class _Anything:
    """Holds every name."""

    def __contains__(self, name: object) -> bool:
        return True


ANYTHING = _Anything()
Tell = Callable[[str, str, int], None]  # (probe, reason, step)


class Taping:
    """Owns the tape of one run."""

    def __init__(self, budget: Budget, modules: Modules, tell: Tell) -> None:
        self.budget, self.modules, self._tell = budget, modules, tell
        self.averages: Callable[[], bool] = lambda: False  # whether the script's gradients are those of all ranks
        self.trains: Callable[[Tensor], bool] = lambda leaf: True  # whether a leaf of a graph is a parameter
        self.blocked: str | None = None  # why no step will be taped
        self.refused = 0  # steps in a row
        self.thorough = not budget.is_wary  # whether every call's place is noted: of the first step in a run of ours
        self.restart()
        self._tape: Tape | None = None
        self._thread = 0  # where the tape runs: torch's function modes are a thread's own
        self._sites: list[tuple[str, Site]] = []  # of the last tape's calls
        self._left_behind: Tape | None = None  # there, when the training went on in another thread

    def called(self, function: str) -> Site | None:
        """Return where the one call of a function stands that was on the last tape; None for several, or for none."""
        seen = {site for name, site in self._sites if name == function}
        return seen.pop() if len(seen) == 1 else None

    def restart(self) -> None:
        """Begin anew: what was recorded was no training yet."""
        self.differentiates = True  # whether the derivative of what was recorded is the script's gradient
        self._changed = 0  # steps in a row whose gradient alone was another

    @property
    def runs(self) -> bool:
        """Whether a step is being taped."""
        return self._tape is not None

    @property
    def rests(self) -> bool:
        """Whether there is nothing to be stopped, on this thread or another."""
        return self._tape is None and self._left_behind is None

    def allowed(self) -> bool:
        """Whether the coming step may be taped.

        In a run of ours it always may: which examples are fixed must not depend on how busy the machine is, or two
        trial runs would be judged on different ones.
        """
        return self.blocked is None and (not self.budget.is_wary or self.budget.affords("tape"))

    def start(self) -> None:
        """Record from here to the next backward pass."""
        self._tape = Tape(ANYTHING if self.thorough else INTERESTING, self.modules.origin)
        self._tape.on_first_use, self._tape.trains = self.modules.note_model_call, self.trains
        self._thread = threading.get_ident()
        with beneath():
            self._tape.start()

    def unwrap(self, on: bool) -> None:
        """While it is on, the loss is made within `torch.func.grad`, where each tensor stands for another."""
        if self._tape is not None:
            self._tape.unwraps = on

    def pause(self) -> None:
        """Leave out what follows; it is no part of the loss."""
        if self._tape is not None and self._thread == threading.get_ident():
            self._tape.restart()
            self._tape.pause()

    def resume(self, batch: object = None, loader: str | None = None) -> None:
        """Go on recording, after a loader has given a batch."""
        if self._tape is not None and self._thread == threading.get_ident():
            if loader is not None:
                self._tape.delivered.update({id(x): (x, loader) for x in leaves(batch) if isinstance(x, Tensor)})
            with beneath():
                self._tape.resume()

    def stop(self) -> None:
        """Forget the tape that is running."""
        if self.rests:
            return
        here = self._thread == threading.get_ident()
        if self._left_behind is not None and here:
            self._left_behind.pause()
            self._left_behind = None
        tape, self._tape = self._tape, None
        if tape is not None and here:
            tape.pause()
        elif tape is not None:
            tape.refusal = THREADS  # on the other thread's stack it does nothing, and is taken off when that is here
            self._left_behind = tape
            self.block(THREADS)

    def block(self, reason: str) -> None:
        """Tape no step from now on."""
        if self.blocked is None:
            self.blocked = reason
            self._tell("tape", reason, 0)
        self.stop()

    def seal(self, loss: Tensor, step: int) -> Recording | None:
        """Return the recording of the step whose loss is `loss`; None where it must be refused."""
        if self._thread != threading.get_ident():
            self.stop()
        tape, self._tape = self._tape, None
        if tape is None:
            return None
        self._sites = tape.sites()
        with self.budget.charging("tape"):
            try:
                return tape.seal(loss)
            except Refused as refusal:
                self._refuse(str(refusal), step)
                return None
            finally:
                tape.pause()

    def is_faithful(self, recording: Recording, passed: Pass) -> bool:
        """Whether the replay gives the script's own loss; whether its gradient, too, is kept in `differentiates`."""
        with self.budget.charging("tape"):
            try:
                wrong = _another_loss(recording, passed)
                hidden = self._hidden(recording, passed) if self.differentiates and not wrong else ""
                self._changed = self._changed + 1 if hidden else 0
                if hidden and (recording.custom is not None or self._changed > CHANGED):
                    self.differentiates = False
                    self._tell("tape", hidden, passed.step)
                else:
                    wrong = wrong or hidden
            except Exception as error:  # whatever the script's own calls may raise when they are made again
                wrong = f"the step cannot be replayed: {first_line(error)}"
        if wrong:
            self._refuse(wrong, passed.step)
        else:
            self.refused, self.thorough = 0, False
        return not wrong

    def _hidden(self, recording: Recording, passed: Pass) -> str:
        """Say why the replay cannot be differentiated for the script's gradient; "" where it can."""
        if recording.custom is not None:
            return f"the custom autograd.Function {recording.custom} computes its gradient where it cannot be recorded"
        if self.averages():  # one rank's replay alone does not give them
            return ""
        gradient = recording.loss(passed.parameters).gradient(passed.parameters)
        hook = "the replayed gradient is not the script's (a hook may change it)"
        return "" if is_gradient(gradient, passed.gradients) else hook

    def _refuse(self, reason: str, step: int) -> None:
        self._tell("tape", reason, step)
        self.refused += 1


def _another_loss(recording: Recording, passed: Pass) -> str:
    """Say how the replayed loss differs from the script's; "" where it does not."""
    replayed, actual = recording.loss(passed.parameters).value(passed.parameters), float(passed.loss.detach())
    if actual != actual:
        return "" if replayed != replayed else "the replayed loss is finite, the script's is not"
    if abs(replayed - actual) > SAME_LOSS * max(1.0, abs(actual)):
        return f"the replayed loss is {replayed:.6g}, the script's is {actual:.6g}"
    return ""


def is_gradient(replayed: Sequence[Tensor], actual: Sequence[Tensor | None]) -> bool:
    """Whether a replayed gradient is the script's, but for the order of its sums."""
    pairs = [(r, g) for r, g in zip(replayed, actual) if g is not None and not g.is_sparse]
    pieces = [both for r, g in pairs for both in zip(_pieces(r), _pieces(g))]
    size = sum(float(g.double().square().sum()) for _, g in pieces)
    apart = sum(float((r - g).double().square().sum()) for r, g in pieces)
    return not (apart > SAME_GRADIENT**2 * size and size == size)


def first_line(error: Exception) -> str:
    """Return an exception's kind and the first line of its message."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"


def _pieces(gradient: Tensor) -> tuple[Tensor, ...]:
    """Return it in pieces that can be had in double precision: a large table has no room for another of its size."""
    return gradient.reshape(-1).split(PIECE)
