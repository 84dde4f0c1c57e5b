"""Observe gradient clipping: the call, its limit, and the gradient norm before clipping."""

import functools
import inspect
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.compiler import is_compiling
from torch.nn.utils import clip_grad

from descend.doctor.instrumentation.attribute_patching import patched_attribute
from descend.doctor.instrumentation.frames import call_span
from descend.doctor.instrumentation.internal_errors import EventHandler, never_raises
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.instrumentation.steps.curves import readings
from descend.doctor.record import Fact, Listener, Reading, SiteKind, facts

CLIPPERS = ("clip_grad_norm_", "clip_grad_value_")
MOST_LATE = 4  # After so many clippings that no step uses, they are not counted any more.
WAITING = 100  # Norms on a GPU are read in groups, because each read waits for the GPU.


class Clipping(EventHandler):
    """Collects the gradient norms from before the script's clipping, and counts clippings that no step uses.

    step: returns the number of steps so far; is_between_step_and_pass: returns whether the last step was followed by no
    backward pass yet.
    """

    def __init__(
        self,
        modules: Modules,
        send: Listener,
        step: Callable[[], int],
        is_between_step_and_pass: Callable[[], bool] = lambda: False,
    ) -> None:
        self.modules, self.send, self.step = modules, send, step
        self._is_late, self._late = is_between_step_and_pass, 0
        self._limit: float | None = None  # the limit (max_norm or clip_value) of the last clipping call
        # Each entry is (place, step, gradient norm). The norms are still on their device.
        self._norms: list[tuple[str, int, Tensor | float]] = []

    @never_raises
    def gradients_clipped(self, name: str, limit: Any, norm: Any, frame: FrameType | None) -> None:
        """Store the gradient norm before clipping, and report the first clipping call and each new limit."""
        if not self.modules.has_reported(SiteKind.CLIP, "0"):
            self.modules.report_site(SiteKind.CLIP, "0", call_span(self.modules.tree.caller(frame)), name)
            self.send([Fact.of(facts.Clip(name, float(limit)), self.step())])
        # An infinite limit changes nothing: the script only logs the norm.
        if self._late < MOST_LATE and math.isfinite(float(limit)) and self._is_late():
            self._late += 1
            self.send([Fact.of(facts.LateClipping(self._late), self.step())])
        if isinstance(limit, int | float) and limit != self._limit:
            self._limit = limit
            self.send([Reading("clip_limit", "", self.step(), float(limit))])
        if isinstance(norm, Tensor):
            self._norms.append(("", self.step(), norm.detach()))
            if norm.is_cpu or len(self._norms) >= WAITING:
                self._send_norms()

    @never_raises
    def finish(self) -> None:
        """Send the gradient norms that have not been sent yet."""
        self._send_norms()

    def _send_norms(self) -> None:
        """Read the stored gradient norms from the device and send them."""
        norms, self._norms = self._norms, []
        self.send([*readings("clipped_norm", norms)])


@contextmanager
def observing_clipping(clipping: Clipping) -> Iterator[None]:
    """Report the script's gradient clipping calls to `clipping` inside the `with` block."""
    with ExitStack() as stack:
        for name in CLIPPERS:
            new = _wrap_clipping(name, getattr(clip_grad, name), clipping)
            stack.enter_context(patched_attribute(clip_grad, name, new))
            stack.enter_context(patched_attribute(torch.nn.utils, name, new))
        yield


def _wrap_clipping(name: str, original: Any, clipping: Clipping) -> Any:
    """Return a wrapper of a gradient clipping function that reports each call."""
    signature = inspect.signature(original)
    limit = list(signature.parameters)[1]  # the parameter max_norm or clip_value

    @functools.wraps(original)
    def clip(*args: Any, **kwargs: Any) -> Any:
        """Clip the gradients, and report their norm before clipping."""
        norm = original(*args, **kwargs)
        if not is_compiling():
            clipping.gradients_clipped(name, signature.bind(*args, **kwargs).arguments[limit], norm, sys._getframe(1))
        return norm

    return clip
