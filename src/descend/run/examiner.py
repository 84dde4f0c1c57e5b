"""Takes the measurements: tapes the first batches as the fixed examples, then probes on a sparse schedule.

Every probe runs just after a backward pass, on recordings of the fixed examples at the present parameters, within
the budget. What cannot be measured becomes a note with the reason.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.probes import PROBES, Moment, Probe, Unavailable, update_ratio
from descend.probes.moment import forward
from descend.record import Cost, Fact, Message, Note
from descend.run.budget import Budget
from descend.run.modules import Modules
from descend.tape import Origin, Recording, Refused, Stale, Tape
from descend.tape.vocabulary import INTERESTING

MONITOR_EXAMPLES = 256  # enough that the curve's noise is below what a remedy must gain
MONITOR_BATCHES = 8
REFUSALS = 12  # after this many refused steps in a row the tape is given up
GROWTH = 1.35  # each probed step is this much later than the one before
SAME_LOSS = 1e-5  # relative; replays are bit-equal except for attention's backend
SAME_GRADIENT = 1e-3  # relative, in norm: float32 sums in another order


@dataclass(frozen=True)
class Pass:
    """One finished backward pass."""

    step: int
    key: str
    optimizer: Optimizer | None
    parameters: tuple[Tensor, ...]
    gradients: tuple[Tensor | None, ...]  # unscaled
    loss: Tensor  # unscaled
    backwards: int


class Examiner:
    """Owns the tape, the monitor batches and the probes of one run."""

    def __init__(
        self, probes: Sequence[Probe], budget: Budget, modules: Modules, send: Callable[[list[Message]], None]
    ) -> None:
        self.probes, self.budget, self.modules, self.send = probes, budget, modules, send
        self.monitor: tuple[Recording, ...] = ()  # empty until all its batches are there
        self.blocked: str | None = None  # why no step will be taped
        self.tape: Tape | None = None
        self._gathered: list[Recording] = []
        self._examples = 0
        self._refused = 0
        self.probed = -1  # the last step that was probed
        self._next_probe = 0
        self._memory: dict[str, Any] = {}
        self._last: Pass | None = None
        self._noted: set[tuple[str, str]] = set()

    # -- the tape

    def wants_tape(self) -> bool:
        """Whether the coming step should be taped."""
        return not self.monitor and self.blocked is None and self.budget.allows("tape")

    def start_tape(self) -> None:
        """Record from here to the next backward pass."""
        self.tape = Tape(INTERESTING, self.modules.origin)
        self.tape.on_first_use = self.modules.note_model_call
        self.tape.start()

    def stop_tape(self) -> None:
        """Forget the tape that is running."""
        if self.tape is not None:
            self.tape.pause()
            self.tape = None

    def block(self, reason: str) -> None:
        """Tape no step from now on."""
        self.stop_tape()
        if self.blocked is None:
            self.blocked = reason
            self._note("tape", reason, 0)

    def seal(self, loss: Tensor, step: int) -> Recording | None:
        """Return the recording of the step whose loss is `loss`; None where it must be refused."""
        tape, self.tape = self.tape, None
        if tape is None:
            return None
        began = time.perf_counter()
        try:
            return tape.seal(loss)
        except Refused as refusal:
            self._refuse(str(refusal), step)
            return None
        finally:
            tape.pause()
            self.budget.charge("tape", time.perf_counter() - began)

    def _refuse(self, reason: str, step: int) -> None:
        self._note("tape", reason, step)
        self._refused += 1
        if self._refused >= REFUSALS and not self._gathered:
            self.block(f"no step could be taped: {reason}")

    def is_faithful(self, recording: Recording, passed: Pass) -> bool:
        """Whether the replay gives the script's own loss and gradient."""
        loss = recording.loss(passed.parameters)
        known = [(p, g) for p, g in zip(passed.parameters, passed.gradients) if g is not None and not g.is_sparse]
        try:
            replayed, actual = loss.value(passed.parameters), float(passed.loss.detach())
            if actual != actual:
                return replayed != replayed
            if abs(replayed - actual) > SAME_LOSS * max(1.0, abs(actual)):
                self._refuse(f"the replayed loss is {replayed:.6g}, the script's is {actual:.6g}", passed.step)
                return False
            gradient = dict(zip(map(id, passed.parameters), loss.gradient(passed.parameters)))
        except (RuntimeError, TypeError, ValueError, Stale) as error:
            self._refuse(f"the step cannot be replayed: {str(error).splitlines()[0]}", passed.step)
            return False
        size = sum(float(g.double().square().sum()) for _, g in known)
        apart = sum(float((gradient[id(p)] - g).double().square().sum()) for p, g in known)
        if apart > SAME_GRADIENT**2 * size and size == size:
            self._refuse("the replayed gradient is not the script's (a hook may change it)", passed.step)
            return False
        return True

    def keep(self, recording: Recording) -> None:
        """Take a faithful recording among the fixed examples."""
        self._refused = 0
        self._memory["embeddings"] = self.modules.embeddings()
        self._gathered.append(recording)
        self._examples += recording.examples
        if self._examples >= MONITOR_EXAMPLES or len(self._gathered) >= MONITOR_BATCHES:
            self._complete()

    def _complete(self) -> None:
        self.monitor = tuple(self._gathered)
        detail = {"batches": len(self.monitor), "examples": self._examples, "digest": digest(self.monitor)}
        self.send([Fact("monitor", "", 0, detail)])

    def settle(self) -> None:
        """Make do with the batches that there are, when the run ends early."""
        if not self.monitor and self._gathered:
            self._complete()

    # -- the probes

    def is_due(self, step: int) -> bool:
        """Whether this step is to be probed."""
        return step >= self._next_probe

    def examine(self, passed: Pass, recording: Recording | None) -> None:
        """Take every probe that is due and affordable."""
        complete = bool(self.monitor) and not self._memory.get("complete")
        self._memory["complete"] = bool(self.monitor)
        self._last = passed
        gathering = not self.monitor and self.blocked is None
        if gathering and passed.step > 0 and not self.is_due(passed.step):
            return
        self.probed = passed.step
        self._next_probe = max(passed.step + 1, int(passed.step * GROWTH + 0.999))
        moment = self._moment(passed, recording)
        for probe in self.probes:
            if not probe.once or complete or passed.step == 0:
                self._take(probe, moment)
        self.report_costs()

    def finish(self, step: int) -> None:
        """Measure the fixed examples at the final parameters."""
        self.settle()
        if self._last is None or not self.monitor:
            return
        passed = self._last
        final = Pass(step, passed.key, passed.optimizer, passed.parameters, (), passed.loss, passed.backwards)
        moment = self._moment(final, None)
        for probe in self.probes:
            if not probe.dear and not probe.once and probe.name != "gradient":
                self._take(probe, moment, always=probe.name == "monitored_loss")
        self.report_costs()

    def before_step(self, parameters: Sequence[Tensor]) -> None:
        """Keep the parameters' values for the update ratio of the coming step."""
        self._memory["before_step"] = {id(p): p.detach().clone() for p in parameters}

    def after_step(self) -> None:
        """Measure how far the step moved the parameters."""
        if self._memory.get("before_step") and self._last is not None:
            self.send(list(update_ratio(self._moment(self._last, None))))
        self._memory.pop("before_step", None)

    def _moment(self, passed: Pass, recording: Recording | None) -> Moment:
        return Moment(
            passed.step,
            passed.key,
            passed.optimizer,
            passed.parameters,
            self.modules.parameter_names(),
            passed.gradients,
            passed.backwards,
            recording,
            self.monitor,
            self.modules.name,
            self.modules.made_at,
            self._memory,
            lambda products: self.budget.left() > 0,
        )

    def _take(self, probe: Probe, moment: Moment, *, always: bool = False) -> None:
        if not always and not self.budget.allows(probe.name):
            return
        began = time.perf_counter()
        try:
            self.send(list(probe.measure(moment)))
        except Unavailable as reason:
            self._note(probe.name, str(reason), moment.step)
        except (RuntimeError, ValueError, IndexError, KeyError, TypeError) as error:
            # A probe that fails on somebody's unusual script must not take the script down with it.
            self._note(probe.name, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", moment.step)
        finally:
            self.budget.charge(probe.name, time.perf_counter() - began)
            for kind, key in (("activation", "output"), ("loss", "")):
                site, detail = self._memory.pop(f"{kind}_site", (None, ""))
                self.modules.note_known(kind, key, site, detail)

    def report_costs(self) -> None:
        """Send what each probe has cost so far."""
        self.send([Cost(name, seconds, calls) for name, (seconds, calls) in self.budget.costs().items()])

    def report_unaffordable(self) -> None:
        """Say what the budget left out."""
        for name, times in self.budget.refused.items():
            if name in {p.name for p in PROBES}:
                done = self.budget.costs().get(name, (0.0, 0))[1]
                self._note(name, f"left out {times} of {times + done} times to stay within the time budget", 0)

    def _note(self, probe: str, reason: str, step: int) -> None:
        if (probe, reason) not in self._noted:
            self._noted.add((probe, reason))
            self.send([Note(probe, reason, step)])


def digest(recordings: Sequence[Recording]) -> str:
    """Return a fingerprint of the examples' targets: runs that differ in it were not shown the same examples."""
    sha = hashlib.sha256()
    for recording in recordings:
        losses = forward(recording, evaluation=False).losses
        integers = [t for t in recording.data.values() if not t.is_floating_point() and t.numel() > 1]
        for tensor in [target for _, _, target in losses] or integers:
            sha.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        sha.update(b"|")
    return sha.hexdigest()[:16]
