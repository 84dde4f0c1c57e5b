"""Facts that trials add to the baseline's record."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Floorless:
    """A loss or logged metric that becomes negative, so that its relative improvement is not meaningful.

    The fact's place is the name of the metric, or empty for the loss.
    """


@dataclass(frozen=True)
class DiffersBetweenRuns:
    """The observation that the script uses different examples in each run, even with the same seed."""


@dataclass(frozen=True)
class Ineffective:
    """A setting in the script that has no effect on the run, so another line must override it.

    The fact's place is the name of the setting.
    """


@dataclass(frozen=True)
class TargetsFollow:
    """The observation that the targets depend on the network's weights, as pseudo-labels do."""
