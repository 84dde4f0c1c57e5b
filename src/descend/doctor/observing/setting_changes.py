"""Finds the lines that overwrite an optimizer's settings before its first steps: `group["lr"] = rate` in the loop.

Each number of the first parameter group is replaced by a marker of the same value until the optimizer steps.
A marker that is overwritten, even by an equal number, is freed in that very line.
"""

import sys
import weakref
from types import FrameType
from typing import Any

import torch
from torch.optim import Optimizer

from descend.doctor.observing.frames import call_span, is_within
from descend.doctor.observing.guard import harmless
from descend.doctor.observing.modules import Modules
from descend.doctor.record import Fact, Listener, facts

MARKED_STEPS = 3  # a loop that sets a rate in every step does so in each of the first ones
SCHEDULER = "torch.optim.lr_scheduler"  # most of its schedulers multiply the rate that the optimizer was made with


class _Marker(float):
    """A number that can be referenced weakly. A copy of it, or what is saved of it, is a plain number."""

    def __reduce__(self) -> tuple[type[float], tuple[float]]:
        return float, (float(self),)


class SettingChanges:
    """Reports where each optimizer's settings are overwritten, and which values act at its first steps."""

    def __init__(self, modules: Modules, send: Listener, *, owning: bool) -> None:
        self.modules, self.send = modules, send
        self.inert = not owning  # a user's own run is left as it is
        self._markers: dict[str, dict[str, weakref.ref[_Marker]]] = {}  # optimizer's key -> setting -> its marker
        self._known: dict[str, dict[str, Any]] = {}  # optimizer's key -> the settings as they were last seen
        if owning:
            torch.serialization.add_safe_globals([float])  # what a marker is saved as

    def stumbled(self, error: Exception) -> None:
        """Swallow internal errors: the user loses one measurement, never the run."""

    @harmless
    def made(self, key: str, optimizer: Optimizer) -> None:
        """Remember the settings of a new optimizer, and mark them."""
        self._known[key] = _settings(optimizer)
        self._mark(key, optimizer)

    @harmless
    def step_ended(self, key: str, optimizer: Optimizer, steps: int) -> None:
        """Mark the settings again until the next step, as long as this is one of the first."""
        if steps < MARKED_STEPS:
            self._mark(key, optimizer)

    @harmless
    def step_begins(self, key: str, optimizer: Optimizer, step: int) -> None:
        """Put plain numbers back, and report the values that differ from those seen before."""
        self._markers.pop(key, None)
        for group in optimizer.param_groups[:1]:
            group.update({name: float(value) for name, value in group.items() if type(value) is _Marker})
        known = self._known.setdefault(key, {})
        for name, value in _settings(optimizer).items():
            if name != "lr" and known.get(name) != value:  # the learning rate is recorded as a series
                known[name] = value
                self.send([Fact.of(facts.ActingSetting(value), step, f"{key}.{name}")])

    def _mark(self, key: str, optimizer: Optimizer) -> None:
        group, alive = optimizer.param_groups[0], weakref.ref(optimizer)
        markers = self._markers[key] = {}
        for name, value in list(group.items()):
            if type(value) is float:
                group[name] = _Marker(value)
                markers[name] = weakref.ref(group[name], self._watcher(key, name, alive))

    def _watcher(self, key: str, name: str, alive: "weakref.ref[Optimizer]") -> Any:
        def freed(marker: object) -> None:
            if alive() is not None and self._markers.get(key, {}).get(name) is marker:
                self._overwritten(key, name, sys._getframe(1))

        return freed

    @harmless
    def _overwritten(self, key: str, name: str, frame: FrameType | None) -> None:
        """Note the line that overwrites a setting."""
        if not is_within(frame, SCHEDULER):
            self.modules.note_site("overwritten", f"{key}.{name}", call_span(self.modules.tree.caller(frame)), name)


def _settings(optimizer: Optimizer) -> dict[str, Any]:
    """Return the numbers, truth values and words among the settings of the first parameter group."""
    kept: dict[str, Any] = {}
    for name, value in optimizer.param_groups[0].items():
        if isinstance(value, bool | int | str):
            kept[name] = value
        elif isinstance(value, float):
            kept[name] = float(value)
        elif isinstance(value, tuple | list) and all(isinstance(part, int | float) for part in value):
            kept[name] = tuple(value)
    return kept
