"""What the trials have found of the run that they are held against."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Floorless:
    """The loss, or the script's number whose name is the place, comes below zero: a gain is no share of it."""


@dataclass(frozen=True)
class Varies:
    """The script is shown other examples in each run, whatever the seed."""


@dataclass(frozen=True)
class Ineffective:
    """Another value of a setting, which is the place, has not changed the run: its number comes from elsewhere."""


@dataclass(frozen=True)
class TargetsFollow:
    """The targets depend on what was trained before them: other weights give other targets of the same task."""
