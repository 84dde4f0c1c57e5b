"""Find lines that overwrite the rate of a dropout layer after its construction, such as `module.p = 0.9`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from torch.nn.modules import dropout

from descend.doctor.instrumentation.frames import call_span
from descend.doctor.instrumentation.internal_errors import EventHandler, never_raises
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.record import Fact, Listener, SiteKind, facts


class DropoutRates(EventHandler):
    """Reports each change of a dropout layer's rate; `step` returns the number of steps so far."""

    def __init__(self, modules: Modules, send: Listener, step: Callable[[], int]) -> None:
        self.modules, self.send, self.step = modules, send, step

    @never_raises
    def rate_overwritten(self, layer: Any, before: Any, frame: FrameType | None) -> None:
        """Report the line that overwrites a dropout rate, and the new rate if it differs from the old one."""
        self.modules.report_site(SiteKind.OVERWRITTEN, "dropout.p", call_span(self.modules.tree.caller(frame)), "p")
        place = self.modules.place_of_dropout(layer)
        if place is not None and layer.p != before:
            self.send([Fact.of(facts.Dropout(float(layer.p)), self.step(), place)])


@contextmanager
def observing_dropout(rates: DropoutRates) -> Iterator[None]:
    """Report each assignment to the rate of a dropout layer to `rates` inside the `with` block."""
    kind = dropout._DropoutNd

    def __setattr__(self: Any, name: str, value: Any) -> None:
        before, frame = self.__dict__.get("p") if name == "p" else None, sys._getframe(1)
        super(kind, self).__setattr__(name, value)
        # The layer's own constructor also sets the rate, which does not count.
        if name == "p" and frame.f_globals.get("__name__") != dropout.__name__:
            rates.rate_overwritten(self, before, frame)

    kind.__setattr__ = __setattr__  # type: ignore[method-assign]
    try:
        yield
    finally:
        if kind.__dict__.get("__setattr__") is __setattr__:
            del kind.__setattr__
