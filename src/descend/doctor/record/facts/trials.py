"""What the trials have found of the run that they are held against."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Floorless:
    """The loss, or the script's number whose name is the place, comes below zero: a gain is no share of it."""


@dataclass(frozen=True)
class Varies:
    """The script is shown other examples in each run, whatever the seed."""
