"""The number by which a program itself says how good what it has trained is."""

import math
import re
from dataclasses import dataclass

METRIC = re.compile(r"^Metric: (.+), (higher|lower) is better; (-?[\d.]+) without learning$", re.MULTILINE)
NUMBER = r"[^\d\n]*?(-?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf)|nan)"


@dataclass(frozen=True)
class Metric:
    """What a program prints by a name. without: its value where nothing is learnt."""

    name: str
    is_better_higher: bool
    without: float

    def read(self, printed: str) -> float | None:
        """Return the last value that was printed, which may be NaN; None where there is none."""
        found = re.findall(rf"{re.escape(self.name)}{NUMBER}", printed)
        return float(found[-1]) if found else None

    def lost(self, host: float, mutant: float) -> float:
        """Return which part of what the host has learnt the mutant has not: 0 for none, 1 where it is as without."""
        apart = host - self.without if self.is_better_higher else self.without - host
        less = host - mutant if self.is_better_higher else mutant - host
        return less / apart if math.isfinite(less) and apart > 0 else 1.0


def metric_of(text: str) -> Metric | None:
    """Return the metric that a program's docstring names."""
    found = METRIC.search(text)
    return Metric(found[1], found[2] == "higher", float(found[3])) if found else None
