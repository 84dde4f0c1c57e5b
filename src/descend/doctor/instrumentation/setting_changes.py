"""Find lines that overwrite an optimizer's settings before its first steps, such as `group["lr"] = value` in the loop.

Until the optimizer steps, each number of the first parameter group is replaced by a marker of the same value. When a
marker is overwritten, even by an equal number, Python frees it in that very line.
"""

import sys
import weakref
from types import FrameType
from typing import Any

import torch
from torch.optim import Optimizer

from descend.doctor.instrumentation.frames import call_span, is_within
from descend.doctor.instrumentation.internal_errors import EventHandler, never_raises
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.record import Fact, Listener, SiteKind, facts

MARKED_STEPS = 3  # number of first steps that are watched; a loop that sets the learning rate sets it in each of them
# Schedulers change the learning rate on purpose, so their lines are not reported.
SCHEDULER = "torch.optim.lr_scheduler"


class _Marker(float):
    """A float that supports weak references, so that overwriting it is noticed. It is pickled as a plain float."""

    def __reduce__(self) -> tuple[type[float], tuple[float]]:
        return float, (float(self),)


class SettingChanges(EventHandler):
    """Reports where an optimizer's settings are overwritten, and which settings its first steps use."""

    def __init__(self, modules: Modules, send: Listener, *, owns_run: bool) -> None:
        self.modules, self.send = modules, send
        self.is_disabled = not owns_run  # In a run that the user watches, the settings are not changed.
        # key of an optimizer -> name of a setting -> weak reference to the marker of this setting
        self._markers: dict[str, dict[str, weakref.ref[_Marker]]] = {}
        self._known: dict[str, dict[str, Any]] = {}  # key of an optimizer -> its last known settings
        if owns_run:
            # A checkpoint stores a marker as a float, so torch.load must accept floats.
            torch.serialization.add_safe_globals([float])

    @never_raises
    def optimizer_made(self, key: str, optimizer: Optimizer) -> None:
        """Record the settings of a new optimizer, and replace its numbers by markers."""
        self._known[key] = _settings(optimizer)
        self._place_markers(key, optimizer)

    @never_raises
    def step_ended(self, key: str, optimizer: Optimizer, steps: int) -> None:
        """Replace the optimizer's numbers by markers again, after each of the first steps."""
        if steps < MARKED_STEPS:
            self._place_markers(key, optimizer)

    @never_raises
    def step_begins(self, key: str, optimizer: Optimizer, step: int) -> None:
        """Replace the markers by plain numbers for the step, and report the settings that have changed."""
        self._markers.pop(key, None)
        for group in optimizer.param_groups[:1]:
            group.update({name: float(value) for name, value in group.items() if type(value) is _Marker})
        known = self._known.setdefault(key, {})
        for name, value in _settings(optimizer).items():
            # The learning rate is left out here, because it is recorded in every step.
            if name != "lr" and known.get(name) != value:
                known[name] = value
                self.send([Fact.of(facts.ActingSetting(value), step, f"{key}.{name}")])

    def _place_markers(self, key: str, optimizer: Optimizer) -> None:
        """Replace the numbers in the optimizer's first parameter group by markers of the same value."""
        group, alive = optimizer.param_groups[0], weakref.ref(optimizer)
        markers = self._markers[key] = {}
        for name, value in list(group.items()):
            if type(value) is float:
                group[name] = _Marker(value)
                markers[name] = weakref.ref(group[name], self._make_freed_callback(key, name, alive))

    def _make_freed_callback(self, key: str, name: str, alive: "weakref.ref[Optimizer]") -> Any:
        """Return a weak reference's callback that reports the current source line if a marker is overwritten."""

        def freed(marker: object) -> None:
            """Report the current source line if the marker was freed because the script overwrote it."""
            if alive() is not None and self._markers.get(key, {}).get(name) is marker:
                self._report_overwriting(key, name, sys._getframe(1))

        return freed

    @never_raises
    def _report_overwriting(self, key: str, name: str, frame: FrameType | None) -> None:
        """Report the source line that overwrites a setting, unless it is in a scheduler."""
        if not is_within(frame, SCHEDULER):
            self.modules.report_site(
                SiteKind.OVERWRITTEN, f"{key}.{name}", call_span(self.modules.tree.caller(frame)), name
            )


def _settings(optimizer: Optimizer) -> dict[str, Any]:
    """Return the numbers, booleans and strings among the settings of the optimizer's first parameter group."""
    kept: dict[str, Any] = {}
    for name, value in optimizer.param_groups[0].items():
        if isinstance(value, bool | int | str):
            kept[name] = value
        elif isinstance(value, float):
            kept[name] = float(value)
        elif isinstance(value, tuple | list) and all(isinstance(part, int | float) for part in value):
            kept[name] = tuple(value)
    return kept
