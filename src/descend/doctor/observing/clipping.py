"""The clipping of gradients: where they are cut, to which norm, and what their norm was before."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.compiler import is_compiling
from torch.nn.utils import clip_grad

from descend.doctor.observing.frames import call_span
from descend.doctor.observing.guard import harmless
from descend.doctor.observing.modules import Modules
from descend.doctor.observing.replacing import replaced
from descend.doctor.reading.curves import readings
from descend.doctor.record import Fact, Listener, Reading, facts

CLIPPERS = ("clip_grad_norm_", "clip_grad_value_")
WAITING = 100  # norms on a GPU are read together, because each reading waits for the GPU


class Clipping:
    """Keeps the norms of gradients that the script cuts; `step` is the optimizer's present one."""

    def __init__(self, modules: Modules, send: Listener, step: Callable[[], int]) -> None:
        self.modules, self.send, self.step = modules, send, step
        self.inert = False
        self._limit: float | None = None  # of the last call
        self._norms: list[tuple[str, int, Tensor | float]] = []  # with place and step, not read yet

    def stumbled(self, error: Exception) -> None:
        """A mistake here costs a measurement and nothing else."""

    @harmless
    def clipped(self, name: str, limit: Any, norm: Any, frame: FrameType | None) -> None:
        """Keep the norm that was cut to `limit`."""
        if not self.modules.has("clip", "0"):
            self.modules.note_site("clip", "0", call_span(self.modules.tree.caller(frame)), name)
            self.send([Fact.of(facts.Clip(name, float(limit)), self.step())])
        if isinstance(limit, int | float) and limit != self._limit:
            self._limit = limit
            self.send([Reading("clip_limit", "", self.step(), float(limit))])
        if isinstance(norm, Tensor):
            self._norms.append(("", self.step(), norm.detach()))
            if norm.is_cpu or len(self._norms) >= WAITING:
                self._flush()

    @harmless
    def finish(self) -> None:
        """Send what is left."""
        self._flush()

    def _flush(self) -> None:
        norms, self._norms = self._norms, []
        self.send([*readings("clipped_norm", norms)])


@contextmanager
def observing_clipping(clipping: Clipping) -> Iterator[None]:
    """Report to `clipping` for as long as the context lasts."""
    with ExitStack() as stack:
        for name in CLIPPERS:
            new = _clipping(name, getattr(clip_grad, name), clipping)
            stack.enter_context(replaced(clip_grad, name, new))
            stack.enter_context(replaced(torch.nn.utils, name, new))
        yield


def _clipping(name: str, original: Any, clipping: Clipping) -> Any:
    signature = inspect.signature(original)
    limit = list(signature.parameters)[1]  # max_norm, clip_value

    @functools.wraps(original)
    def clip(*args: Any, **kwargs: Any) -> Any:
        norm = original(*args, **kwargs)
        if not is_compiling():
            clipping.clipped(name, signature.bind(*args, **kwargs).arguments[limit], norm, sys._getframe(1))
        return norm

    return clip
