"""Finds the lines that overwrite the rate of a dropout layer after it is made: `module.p = 0.9`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from torch.nn.modules import dropout

from descend.doctor.observing.frames import call_span
from descend.doctor.observing.guard import harmless
from descend.doctor.observing.modules import Modules
from descend.doctor.record import Fact, Listener, facts


class DropoutRates:
    """Reports each new rate of a dropout layer; `step` is the optimizer's present one."""

    def __init__(self, modules: Modules, send: Listener, step: Callable[[], int]) -> None:
        self.modules, self.send, self.step = modules, send, step
        self.inert = False

    def stumbled(self, error: Exception) -> None:
        """Swallow internal errors: the user loses one measurement, never the run."""

    @harmless
    def overwritten(self, layer: Any, before: Any, frame: FrameType | None) -> None:
        """Note the line, and the layer's rate where it is another one."""
        self.modules.note_site("overwritten", "dropout.p", call_span(self.modules.tree.caller(frame)), "p")
        place = self.modules.place_of_dropout(layer)
        if place is not None and layer.p != before:
            self.send([Fact.of(facts.Dropout(float(layer.p)), self.step(), place)])


@contextmanager
def observing_dropout(rates: DropoutRates) -> Iterator[None]:
    """Report to `rates` for as long as the context lasts."""
    kind = dropout._DropoutNd

    def __setattr__(self: Any, name: str, value: Any) -> None:
        before, frame = self.__dict__.get("p") if name == "p" else None, sys._getframe(1)
        super(kind, self).__setattr__(name, value)
        if name == "p" and frame.f_globals.get("__name__") != dropout.__name__:  # the layer's own constructor
            rates.overwritten(self, before, frame)

    kind.__setattr__ = __setattr__  # type: ignore[method-assign]
    try:
        yield
    finally:
        if kind.__dict__.get("__setattr__") is __setattr__:
            del kind.__setattr__
