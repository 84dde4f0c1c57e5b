"""A choice that `descend compare` compares, such as an optimizer, with the settings that are searched for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isclose

from descend.doctor.script.script import Script

Values = Mapping[str, float]  # name of a searched setting -> its value

CURRENT = "the current setting"
SAME_VALUE = 1e-9  # largest relative difference of two values that count as equal


@dataclass(frozen=True)
class Dimension:
    """A setting that is searched between two limits."""

    name: str  # such as "lr", or the name of a setting of the script
    low: float
    high: float
    is_log: bool = True  # whether the logarithm is searched; needs low > 0
    is_integer: bool = False
    is_open: bool = False  # whether the search may leave the limits if the best value is at one of them; needs is_log


@dataclass(frozen=True)
class Choice:
    """A choice, the settings that are searched for it, and the function that edits the script.

    Two choices with the same `family` differ only in their settings. A choice contains a point of another one of its
    family if it can have the same values of all settings (Choi et al. 2019, §3.2).
    """

    label: str  # such as "AdamW" or "SGD with linear decay"
    # Edits the script for the values of all dimensions. Raises `NotApplicable` if the script cannot be edited.
    edit: Callable[[Script, Values], Script]
    dimensions: tuple[Dimension, ...] = ()
    starts: tuple[Values, ...] = ()  # values that are tried first, the most usual ones first
    family: str = ""  # such as "SGD"; choices of different families never contain each other's points
    fixed: Values = field(default_factory=dict)  # the settings of the family that are not searched
    keeps_optimizer: bool = False  # whether only settings of the script's own optimizer are searched
    needs: str = ""  # what the winning patch needs at run time besides torch, such as "descend.optim"

    def contains(self, other: "Choice", values: Values) -> bool:
        """Return whether the point `values` of another choice is also a point of this one."""
        if self.family != other.family:
            return False
        whole = {**other.fixed, **values}
        names = {d.name for d in self.dimensions}
        if set(whole) != names | set(self.fixed):
            return False
        inside = all(d.is_open or d.low <= whole[d.name] <= d.high for d in self.dimensions)
        return inside and all(isclose(whole[name], value, rel_tol=SAME_VALUE) for name, value in self.fixed.items())
